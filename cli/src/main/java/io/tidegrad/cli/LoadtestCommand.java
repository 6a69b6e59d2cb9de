package io.tidegrad.cli;

import io.tidegrad.loadtests.DeltaLoad;
import io.tidegrad.loadtests.FloodLoad;
import io.tidegrad.loadtests.FreshnessLoad;
import io.tidegrad.cli.plot.PlotFile;
import io.tidegrad.loadtests.LateLabels;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.ModelsLoad;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.PoisonLoad;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.RollbackLoad;
import io.tidegrad.loadtests.ScaleLoad;
import io.tidegrad.loadtests.SoakLoad;
import io.tidegrad.loadtests.TrainLoad;
import io.tidegrad.loadtests.TrainStream;
import io.tidegrad.loadtests.chaos.RestartLoad;
import io.tidegrad.localstack.streams.ShippedStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine;

/// The commands of `tidegrad loadtest`.
final class LoadtestCommand {
    private LoadtestCommand() {}

    static CommandLine group() {
        return CommandGroup.of("loadtest", "Measure what this machine does a second.", new Train(), new Poison(),
                new Floods(), new Restart(), new Models(), new Freshness(), new Rollback(), new LoadtestScore(),
                new Delta(), new LoadtestTopics(), new LoadtestJoin(), new LoadtestStreams(), new LoadtestLoop(),
                new Late(), new Soak(), new Scale(), new Report());
    }

    /// Options of the amount that is measured.
    private static final class Size {
        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
                description = "Number of repetitions of all measurements, in turns (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Option(names = "--events", paramLabel = "N", defaultValue = "0",
                description = "Number of events of each stream, which is repeated (default: about 10 s of training;"
                        + " with train 40 s).")
        private long events;
    }

    @Command(name = "train", description = {
        "Measure events a second from topic to committed weights, and what bounds them.", "",
        "Fills a topic. Then four programs take turns, each in a JVM of its own: the trainer as in production; a plain"
                + " read_committed consumer that decodes the events; the engine alone on the same rows in memory; and a"
                + " replay. Trainer, engine and replay must end with the same bits. Prints medians and ranges, the"
                + " trainer's rate as a share of the slower one of consumer and engine, and the replay's as a share of"
                + " the engine's. docs/benchmarks.md defines the measured window."})
    static final class Train extends Loadtest.WithJson {
        @Option(names = "--stream", paramLabel = "NAME", defaultValue = "all",
                description = "Stream of events: flights, digits, clicks (made up; a model of 16.8 million weights) or all (default: ${DEFAULT-VALUE}).")
        private String stream = "";

        @Option(names = "--mini-batch", paramLabel = "N", split = ",", defaultValue = "1,8,32",
                description = "Sizes of the mini-batch, separated by commas (default: ${DEFAULT-VALUE}).")
        private List<Integer> miniBatches = List.of();

        @Mixin
        private Size size = new Size();

        @Option(names = "--profile", paramLabel = "DIR",
                description = "Directory for a flight recording of every trainer; also show where its processor time went. This costs a little speed.")
        private @Nullable Path profile;

        @Override
        Measuring measuring() {
            List<TrainStream> streams = Arrays.stream(TrainStream.values())
                    .filter(each -> stream.equals("all") || stream.equals(each.label())).toList();
            if (streams.isEmpty()) {
                throw new IllegalArgumentException(
                        "--stream: expected flights, digits, clicks or all, found '" + stream + "'");
            }
            TrainLoad.Options options =
                    new TrainLoad.Options(streams, miniBatches, size.repetitions, size.events, json(), profile);
            create(profile);
            return of(new TrainLoad(options, System.out, System.err));
        }
    }

    @Command(name = "poison", description = {
        "Measure how many malformed events a second a trainer handles, and how many sound ones.", "",
        "Fills two topics, then lets the trainer as in production read them in turns, at mini-batch 1. Afterwards all"
                + " malformed events must be dead letters, and none learned. Prints medians, ranges and the ratio."})
    static final class Poison extends Loadtest.WithJson {
        @Option(names = "--stream", paramLabel = "NAME", defaultValue = "flights", converter = StreamName.class,
                description = "Stream of events: flights or digits (default: ${DEFAULT-VALUE}).")
        private ShippedStream stream = ShippedStream.FLIGHTS;

        @Mixin
        private Size size = new Size();

        @Override
        Measuring measuring() {
            return of(new PoisonLoad(stream, size.repetitions, size.events, json(), System.out, System.err));
        }
    }

    @Command(name = "floods", description = {
        "Open more connections to trainer and scorer, HTTP and gRPC, than they may have open files.", "",
        "Opens idle connections, half requests, half bodies that are reset, and responses that nobody reads. Measures how"
                + " long a well-behaved client waits beside them, and whether the port answers afterwards. The exit"
                + " status is 1 if it does not. Needs a shell with ulimit."})
    static final class Floods extends Loadtest.WithJson {
        @Option(names = "--limits", paramLabel = "N,N", split = ",", defaultValue = "256,1024,4096",
                description = "Limits of open files (default: ${DEFAULT-VALUE}).")
        private List<Integer> limits = List.of();

        @Option(names = "--seconds", paramLabel = "N", defaultValue = "5",
                description = "Length of each flood (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Override
        Measuring measuring() {
            return of(new FloodLoad(limits, seconds, json(), System.out, System.err));
        }
    }

    @Command(name = "restart", description = {
        "Measure for how long a trainer is away: killed, stopped and started, or replaced by a warm standby.", "",
        "Uses one model, stored as a page log. Each time ends with the first event that is learned and committed"
                + " afterwards. A plain read_committed consumer reads the same changelog in the same run: a restart may"
                + " take 5 s, and as long as restoring takes at 60 %% of that consumer's rate. docs/reliability.md states"
                + " the goals."})
    static final class Restart extends Loadtest.WithJson {
        @Option(names = "--megabytes", paramLabel = "N", defaultValue = "40",
                description = "Size of the model with its optimizer state (default: ${DEFAULT-VALUE}).")
        private int megabytes;

        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
                description = "Number of repetitions of all measurements (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Override
        Measuring measuring() {
            return of(new RestartLoad(megabytes, repetitions, json(), System.out, System.err));
        }
    }

    @Command(name = "models", description = {
        "Measure what many small models in one trainer cost without events, and how fast they learn together.", "",
        "One trainer reads one log with one spec under many names. Each model learns 1,000 events. Then no events come,"
                + " and the processor time and Kafka's own records of transactions are measured. Then all models learn"
                + " --events more. Each must end with the bits of a replay of its spec."})
    static final class Models extends Loadtest.WithJson {
        @Option(names = "--models", paramLabel = "N", defaultValue = "200",
                description = "Number of models (default: ${DEFAULT-VALUE}).")
        private int models;

        @Option(names = "--seconds", paramLabel = "S", defaultValue = "60",
                description = "Time without events (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Option(names = "--events", paramLabel = "N", defaultValue = "5000",
                description = "Number of events that each model learns then (default: ${DEFAULT-VALUE}).")
        private long events;

        @Override
        Measuring measuring() {
            return of(new ModelsLoad(models, Duration.ofSeconds(seconds), events, json(), System.out, System.err));
        }
    }

    @Command(name = "freshness", description = {
        "Measure the milliseconds from an event to the first HTTP answer by a version that has learned it.", "",
        "Events come evenly in an open loop. Each counts from when it was due; the first twenty seconds do not count. Three"
                + " parts of the time are shown: until the broker has the event, until any consumer can read a snapshot"
                + " with it, and until a client that asks the scorer every 2 ms gets an answer by that version."})
    static final class Freshness extends Loadtest.WithJson {
        private static final Duration OPENING = Duration.ofSeconds(20);

        @Option(names = "--weights", paramLabel = "N", defaultValue = "50000",
                description = "Number of weights of the model (default: ${DEFAULT-VALUE}).")
        private long weights;

        @Option(names = "--rate", paramLabel = "N", defaultValue = "20000",
                description = "Events a second (default: ${DEFAULT-VALUE}).")
        private double rate;

        @Option(names = "--seconds", paramLabel = "S", defaultValue = "30",
                description = "Length of the measured window (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Option(names = "--publish-ms", paramLabel = "MS", defaultValue = "100",
                description = "Shortest time between two snapshots (default: ${DEFAULT-VALUE}).")
        private int publishMillis;

        @Option(names = "--commit-ms", paramLabel = "MS", defaultValue = "0",
                description = "kafka.commit.interval.ms of the trainer (default: the trainer's own).")
        private int commitMillis;

        @Option(names = "--backlog", paramLabel = "N", defaultValue = "500000",
                description = "Number of events that are ready at the end, to measure how many a second are learned (default: ${DEFAULT-VALUE}).")
        private int backlog;

        @Option(names = "--counting",
                description = "Also run a Kafka Streams program that only counts the events and commits as often as snapshots come, to measure what Kafka Streams takes of the processor.")
        private boolean counting;

        @Override
        Measuring measuring() {
            FreshnessLoad.Options options =
                    new FreshnessLoad.Options(weights, rate, OPENING, Duration.ofSeconds(seconds),
                            Duration.ofMillis(publishMillis), commitMillis, backlog, counting, json());
            return of(new FreshnessLoad(options, System.out, System.err));
        }
    }

    @Command(name = "rollback", description = {
        "Measure how long it takes until scorers answer by the model of three hours ago.", "",
        "Fills a log of four hours whose second one has wrong labels, and lets a trainer as in production learn it and two"
                + " scorers answer by it. Then one command takes that hour out, and another one goes back to a published"
                + " version. Scorers must answer all the time, and the model must end with the bits of a fold that leaves"
                + " the hour out."})
    static final class Rollback extends Loadtest.WithJson {
        @Option(names = "--events-an-hour", paramLabel = "N", defaultValue = "100000",
                description = "Number of events of each hour (default: ${DEFAULT-VALUE}).")
        private int eventsAnHour;

        @Override
        Measuring measuring() {
            List<String> command = List.of(Tidegrad.class.getName(), "models", "rollback");
            return of(new RollbackLoad(command, eventsAnHour, json(), System.out, System.err));
        }
    }

    @Command(name = "late-labels", description = {
        "Compare what can be done about labels that come hours after their events, by the log loss as served.", "",
        "Streams are made-up clicks, of which only the positive ones are told, and the flights that ship. Labels come after"
                + " an exponential delay, of positives twice as long in the mean, at most 48 hours. wait-for-all waits 48"
                + " hours, the others one hour and then learn a missing label as a negative. Joining and learning run in"
                + " this process, in the order of event time, without Kafka."})
    static final class Late extends Loadtest.WithJson {
        @Option(names = "--events", paramLabel = "N", defaultValue = "300000",
                description = "Number of events of each stream (default: ${DEFAULT-VALUE}).")
        private int events;

        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
                description = "Number of repetitions, each with delays of its own (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Option(names = "--optimizer", paramLabel = "TEXT",
                description = "Optimizer of the model of flights, as in a spec: \"adagrad: { rate: 0.02 }\" (default: that of the shipped spec).")
        private @Nullable String optimizer;

        @Override
        Measuring measuring() {
            LateLabels load = new LateLabels(events, repetitions, optimizer);
            return of(() -> {
                List<Result> results = load.run();
                System.out.print(json() ? Result.json(results) : Result.text(results));
                System.out.flush();
            });
        }
    }

    @Command(name = "soak", description = {
        "Run a whole system at half of its peak for a long time, and see whether anything grows or stands still.", "",
        "Broker, registry, joiner, trainer, scorer and console are processes of this machine. Events with labels come evenly,"
                + " a client asks the scorer, and a page of the console is open. In the second half the slopes of the heap"
                + " after collections, resident memory, threads, open files and lag are judged; all the time how long"
                + " each process stood still, and how long the client waited. The exit status is 1 if a bound is broken."
                + " docs/benchmarks.md defines the bounds."})
    static final class Soak extends Loadtest.WithJson {
        @Option(names = "--minutes", paramLabel = "N", defaultValue = "30",
                description = "Length (default: ${DEFAULT-VALUE}).")
        private double minutes;

        @Option(names = "--rate", paramLabel = "N|auto", defaultValue = "auto",
                description = "Events a second; auto is half of what the system can do, which is measured first"
                        + " (default: ${DEFAULT-VALUE}).")
        private String rate = "";

        @Option(names = "--requests", paramLabel = "N", defaultValue = "200",
                description = "Requests a second (default: ${DEFAULT-VALUE}).")
        private double requests;

        @Override
        Measuring measuring() {
            SoakLoad.Options options =
                    new SoakLoad.Options(Duration.ofMillis((long) (minutes * 60_000)), rate(), requests, json());
            return of(new SoakLoad(options, List.of(Tidegrad.class.getName(), "console"), System.out, System.err));
        }

        private double rate() {
            if (rate.equals("auto")) {
                return 0;
            }
            try {
                double given = Double.parseDouble(rate);
                if (given > 0) {
                    return given;
                }
            } catch (NumberFormatException notOne) {
                // as below
            }
            throw new IllegalArgumentException("--rate expects auto or a number above 0, found '" + rate + "'");
        }
    }

    @Command(name = "scale", description = {
        "Grow one thing of a system step by step, and name the first thing that breaks.", "",
        "models: 1 to 200 in one trainer; partitions: 1 to 12 of events and of labels; weights: 10^3 to 10^8 of a model;"
                + " fields: 5 to 200 that it reads; rate: events a second from 10 on. Each step has a stream of its own,"
                + " with joiner, trainer and scorer as processes, and shows how many events a second are served, how"
                + " fresh answers are, the trainer's heap after a collection and the bytes on topics."})
    static final class Scale extends Loadtest.WithJson {
        @Option(names = "--axis", paramLabel = "NAME", split = ",",
                defaultValue = "models,partitions,weights,fields,rate",
                description = "What grows, separated by commas (default: ${DEFAULT-VALUE}).")
        private List<String> axes = List.of();

        @Option(names = "--up-to", paramLabel = "N", defaultValue = "1000000000",
                description = "The last step of each axis (default: its end).")
        private long upTo;

        @Option(names = "--rate", paramLabel = "N", defaultValue = "1000",
                description = "Events a second, where it is not what grows (default: ${DEFAULT-VALUE}).")
        private double rate;

        @Option(names = "--seconds", paramLabel = "S", defaultValue = "15",
                description = "Length of the window of each step (default: ${DEFAULT-VALUE}).")
        private int seconds;

        @Option(names = "--heap-mb", paramLabel = "N", defaultValue = "4096",
                description = "Most heap of a process, in megabytes (default: ${DEFAULT-VALUE}).")
        private int heap;

        @Override
        Measuring measuring() {
            ScaleLoad.Options options = new ScaleLoad.Options(Names.named("--axis", ScaleLoad.Axis.class, axes), upTo,
                    rate, Duration.ofSeconds(seconds), heap, json());
            return of(new ScaleLoad(options, System.out, System.err));
        }
    }

    @Command(name = "report", description = {"Make one HTML page of the JSON lines of load tests and of the bench.", "",
        "The page opens without a network. It shows which bounds hold, what breaks first, and plots."})
    static final class Report extends OptionsCommand {
        @Parameters(paramLabel = "FILE", arity = "1..*",
                description = "Files to which load tests or bench have printed with --json.")
        private List<Path> files = List.of();

        @Option(names = "--out", paramLabel = "FILE", required = true, description = "HTML file to write.")
        private Path out = Path.of("");

        @Override
        public Integer call() {
            Map<String, List<Result>> results = new LinkedHashMap<>();
            for (Path file : files) {
                results.put(String.valueOf(file.getFileName()).replaceFirst("[.][^.]*$", ""), read(file));
            }
            PlotFile.write("--out", out, LoadtestReport.html(results));
            return 0;
        }

        private static List<Result> read(Path file) {
            try (Stream<String> lines = Files.lines(file)) {
                List<Result> read = lines.filter(line -> !line.isBlank()).map(Result::parse).toList();
                if (read.isEmpty()) {
                    throw new CommandException(
                            file + ": expected lines of JSON, found none; run the load test with --json");
                }
                return read;
            } catch (IOException e) {
                throw new CommandException(file + ": expected a file that can be read, found " + e, e);
            } catch (UncheckedIOException | LoadTestException e) {
                throw new CommandException(file + ": " + e.getMessage() + "; run the load test with --json", e);
            }
        }
    }

    @Command(name = "delta", description = {
        "Measure the milliseconds that a scorer needs to check a full snapshot and deltas.", "",
        "Uses a table of embeddings with its parts in memory, without Kafka. The pages that a delta touches are anywhere,"
                + " or side by side."})
    static final class Delta extends Loadtest.WithJson {
        @Option(names = "--mebibytes", paramLabel = "N", defaultValue = "128",
                description = "Size of the model (default: ${DEFAULT-VALUE}).")
        private int mebibytes;

        @Option(names = "--touched-percent", paramLabel = "PERCENT", defaultValue = "5",
                description = "Share of its pages of 8 KiB that a delta touches (default: ${DEFAULT-VALUE}).")
        private double percent;

        @Option(names = "--repetitions", paramLabel = "N", defaultValue = "15",
                description = "Number of repetitions of all measurements, in turns (default: ${DEFAULT-VALUE}).")
        private int repetitions;

        @Override
        Measuring measuring() {
            DeltaLoad load = new DeltaLoad(mebibytes, percent / 100, repetitions);
            return of(() -> {
                List<Result> results = List.of(load.run());
                System.out.print(json() ? LoadTest.json("delta", results) : Result.text(results));
                System.out.flush();
            });
        }
    }
}
