package io.tidegrad.cli;

import io.tidegrad.loadtests.DeltaLoad;
import io.tidegrad.loadtests.FloodLoad;
import io.tidegrad.loadtests.FreshnessLoad;
import io.tidegrad.loadtests.FreshnessOptions;
import io.tidegrad.loadtests.ModelsLoad;
import io.tidegrad.loadtests.PoisonLoad;
import io.tidegrad.loadtests.TrainLoad;
import io.tidegrad.loadtests.TrainLoadOptions;
import io.tidegrad.loadtests.chaos.RestartLoad;
import io.tidegrad.localstack.streams.ShippedStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(name = "loadtest", description = "Measure what this machine does a second.",
        subcommands = {LoadtestCommand.Train.class, LoadtestCommand.Poison.class, LoadtestCommand.Floods.class,
            LoadtestCommand.Restart.class, LoadtestCommand.Models.class, LoadtestCommand.Freshness.class,
            LoadtestScore.class, LoadtestCommand.Delta.class, LoadtestTopics.class})
final class LoadtestCommand implements Runnable {
    @Spec
    private CommandSpec command = CommandSpec.create();

    @Mixin
    private HelpOption help = new HelpOption();

    @Override
    public void run() {
        throw new ParameterException(command.commandLine(),
                "what to measure is missing; there are: train, poison, floods, restart, models, freshness,"
                        + " score, delta, topics");
    }

    /// How much is measured.
    private static final class Size {
        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
                description = "Of everything, in turns (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Option(names = "--events", paramLabel = "N", defaultValue = "0",
                description = "Of each stream, said again and again (default: as many as about 10 s of training are).")
        private long events;
    }

    @Command(name = "train", description = {"Events a second from topic to committed weights, beside what bounds them.",
        "",
        "Fills a topic, then lets four subjects take turns on it, each in a JVM of its own: the trainer as in"
                + " production; a bare read_committed consumer that decodes the events; the engine alone on the"
                + " same rows in memory; a replay. Trainer, engine and replay must end with the same bits."
                + " Prints medians and ranges, the trainer's share of the slower of consumer and engine, and the"
                + " replay's of the engine. What lies in the measured" + " window: docs/benchmarks.md."})
    static final class Train extends Loadtest {
        @Option(names = "--stream", paramLabel = "NAME", defaultValue = "all",
                description = "flights, digits or all (default: ${DEFAULT-VALUE}).")
        private String stream = "";

        @Option(names = "--mini-batch", paramLabel = "N", split = ",", defaultValue = "1,8,32",
                description = "One or more, separated by commas (default: ${DEFAULT-VALUE}).")
        private List<Integer> miniBatches = List.of();

        @Mixin
        private Size size = new Size();

        @Mixin
        private JsonOption json = new JsonOption();

        @Option(names = "--profile", paramLabel = "DIR",
                description = "Keep a flight recording of every trainer there and tell where its processor time went; it costs a little speed.")
        private @Nullable Path profile;

        @Override
        Measuring measuring() {
            List<ShippedStream> streams =
                    stream.equals("all") ? List.of(ShippedStream.values()) : List.of(new StreamName().convert(stream));
            TrainLoadOptions options =
                    new TrainLoadOptions(streams, miniBatches, size.repetitions, size.events, json.isAsked(), profile);
            try {
                if (profile != null) {
                    Files.createDirectories(profile);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return of(new TrainLoad(options, System.out, System.err)::run);
        }
    }

    @Command(name = "poison", description = {
        "Events a second through the trainer when every event is malformed, beside the same stream unharmed.", "",
        "Fills two topics, then lets the trainer as in production take each of them in turns, at mini-batch 1. All"
                + " malformed events must be in the dead letters afterwards, none learned. Prints medians, ranges"
                + " and the ratio."})
    static final class Poison extends Loadtest {
        @Option(names = "--stream", paramLabel = "NAME", defaultValue = "flights", converter = StreamName.class,
                description = "flights or digits (default: ${DEFAULT-VALUE}).")
        private ShippedStream stream = ShippedStream.FLIGHTS;

        @Mixin
        private Size size = new Size();

        @Mixin
        private JsonOption json = new JsonOption();

        @Override
        Measuring measuring() {
            return of(
                    new PoisonLoad(stream, size.repetitions, size.events, json.isAsked(), System.out, System.err)::run);
        }
    }

    @Command(name = "floods", description = {
        "Trainer and scorer, HTTP and gRPC, under floods of connections beyond the files that they may have open.", "",
        "Idle connections, half requests, half bodies that are reset, and answers that nobody reads, each beside a"
                + " client that behaves well: how long it waits, and whether the port answers afterwards. Exit"
                + " status 1 when one does not. Needs a shell with ulimit."})
    static final class Floods extends Loadtest {
        @Option(names = "--limits", paramLabel = "N,N", split = ",", defaultValue = "256,1024,4096",
                description = "Of open files (default: ${DEFAULT-VALUE}).")
        private List<Integer> limits = List.of();

        @Option(names = "--seconds", paramLabel = "N", defaultValue = "5",
                description = "Of each flood (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Mixin
        private JsonOption json = new JsonOption();

        @Override
        Measuring measuring() {
            return of(new FloodLoad(limits, seconds, json.isAsked(), System.out, System.err)::run);
        }
    }

    @Command(name = "restart", description = {
        "Seconds that a trainer is away: killed, stopped and started, replaced by a warm standby.", "",
        "One model, kept as a page log. Each time ends with the first event that is learned and committed afterwards."
                + " A bare read_committed consumer reads the same changelog in the same run: a restart may take 5 s"
                + " and what restoring takes at 60 %% of its rate. docs/reliability.md tells what the goals are."})
    static final class Restart extends Loadtest {
        @Option(names = "--megabytes", paramLabel = "N", defaultValue = "40",
                description = "Of the model, with optimizer state (default: ${DEFAULT-VALUE}).")
        private int megabytes;

        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
                description = "Of everything (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Mixin
        private JsonOption json = new JsonOption();

        @Override
        Measuring measuring() {
            return of(new RestartLoad(megabytes, repetitions, json.isAsked(), System.out, System.err)::run);
        }
    }

    @Command(name = "models", description = {
        "What many small models in one trainer cost without events, and how fast they learn side by side.", "",
        "One trainer, one log, one spec under as many names. Each learns 1,000 events, then they are watched without"
                + " any (processor time, and Kafka's own records of transactions), then all learn --events more."
                + " Each must end with the bits of a replay of its spec."})
    static final class Models extends Loadtest {
        @Option(names = "--models", paramLabel = "N", defaultValue = "200",
                description = "How many (default: ${DEFAULT-VALUE}).")
        private int models;

        @Option(names = "--seconds", paramLabel = "S", defaultValue = "60",
                description = "To watch them without events (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Option(names = "--events", paramLabel = "N", defaultValue = "5000",
                description = "That each learns then (default: ${DEFAULT-VALUE}).")
        private long events;

        @Mixin
        private JsonOption json = new JsonOption();

        @Override
        Measuring measuring() {
            return of(new ModelsLoad(models, Duration.ofSeconds(seconds), events, json.isAsked(), System.out,
                    System.err)::run);
        }
    }

    @Command(name = "freshness", description = {
        "Milliseconds from an event to the first answer over HTTP whose version has learned it.", "",
        "Events come evenly in an open loop; each counts from when it was due, after twenty seconds that do not count. The"
                + " time is told apart: until the broker has it, until any consumer can read a snapshot with it, until a"
                + " client of the scorer, who asks every 2 ms, has an answer by it."})
    static final class Freshness extends Loadtest {
        private static final Duration OPENING = Duration.ofSeconds(20);

        @Option(names = "--weights", paramLabel = "N", defaultValue = "50000",
                description = "Of the model (default: ${DEFAULT-VALUE}).")
        private long weights;

        @Option(names = "--rate", paramLabel = "N", defaultValue = "20000",
                description = "Events a second (default: ${DEFAULT-VALUE}).")
        private double rate;

        @Option(names = "--seconds", paramLabel = "S", defaultValue = "30",
                description = "The measured window (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Option(names = "--publish-ms", paramLabel = "MS", defaultValue = "100",
                description = "Between two snapshots, at least (default: ${DEFAULT-VALUE}).")
        private int publishMillis;

        @Option(names = "--commit-ms", paramLabel = "MS", defaultValue = "0",
                description = "kafka.commit.interval.ms of the trainer (default: its own choice).")
        private int commitMillis;

        @Option(names = "--backlog", paramLabel = "N", defaultValue = "500000",
                description = "Events that lie ready at the end, to see how many a second are learned (default: ${DEFAULT-VALUE}).")
        private int backlog;

        @Mixin
        private JsonOption json = new JsonOption();

        @Override
        Measuring measuring() {
            FreshnessOptions options = new FreshnessOptions(weights, rate, OPENING, Duration.ofSeconds(seconds),
                    Duration.ofMillis(publishMillis), commitMillis, backlog, json.isAsked());
            return of(new FreshnessLoad(options, System.out, System.err)::run);
        }
    }

    @Command(name = "delta", description = {
        "Milliseconds that a scorer needs to check a full snapshot, and changes to it.", "",
        "A table of embeddings, parts in memory, no Kafka; pages that changes touch lie anywhere, or side by side."})
    static final class Delta extends Loadtest {
        @Option(names = "--mebibytes", paramLabel = "N", defaultValue = "128",
                description = "Size of the model (default: ${DEFAULT-VALUE}).")
        private int mebibytes;

        @Option(names = "--touched-percent", paramLabel = "PERCENT", defaultValue = "5",
                description = "Of its pages of 8 KiB (default: ${DEFAULT-VALUE}).")
        private double percent;

        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "15",
                description = "Of everything, in turns (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Override
        Measuring measuring() {
            DeltaLoad load = new DeltaLoad(mebibytes, percent / 100, repetitions);
            return of(() -> {
                System.out.print(load.run().text());
                System.out.flush();
            });
        }
    }
}
