package io.tidegrad.cli;

import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import io.tidegrad.cli.plot.PlotFile;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.StreamLoad;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "streams", description = {
    "Measure streams: how fast they are joined, how soon served, what waits, how ordered.", "",
    "Broker, registry, joiner and trainer are processes of this machine. rates: a stream with labels in its events and one"
            + " with labels from another topic, in events a second, each beside a consumer and a transactional producer"
            + " that copy the same records; a trainer learns from each. latency: from an event and its label to the"
            + " first answer over HTTP by a version that has learned it. restart: bytes of a waiting event on disk, in the"
            + " heap and in the changelog, and the seconds from the start of a joiner until it joins: after it was stopped,"
            + " killed under load, and so killed with its state directory lost. backfill: thirty days read at full speed,"
            + " with and without alignment. The exit status is 1 if an event has no example or several, if event time goes"
            + " back in the log by more than align, the delay of labels and what one commit writes, or if it does not go"
            + " back further without alignment. docs/benchmarks.md defines what is measured."})
final class LoadtestStreams extends Loadtest.WithJson {
    @Option(names = "--part", paramLabel = "NAME", split = ",", defaultValue = "rates,latency,restart,backfill",
            description = "Parts to run, separated by commas (default: ${DEFAULT-VALUE}).")
    private List<String> parts = List.of();

    @Option(names = "--events", paramLabel = "N", defaultValue = "2000000",
            description = "Events of each rate and of the backfill (default: ${DEFAULT-VALUE}).")
    private long events;

    @Option(names = "--rate", paramLabel = "N", defaultValue = "5000",
            description = "Events a second of the latency, and while joiners are killed (default: ${DEFAULT-VALUE}).")
    private double rate;

    @Option(names = "--warm-up", paramLabel = "S", defaultValue = "120",
            description = "Length of the same load before that window, in which five JVMs compile"
                    + " (default: ${DEFAULT-VALUE}).")
    private int warmUp;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "30",
            description = "Length of the window in which latency is measured (default: ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--waiting", paramLabel = "N", defaultValue = "1000000",
            description = "Waiting events with which a joiner starts again (default: ${DEFAULT-VALUE}).")
    private long waiting;

    @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3",
            description = "Number of repetitions of rates and restarts, in turns (default: ${DEFAULT-VALUE}).")
    private int repetitions;

    @Option(names = "--profile", paramLabel = "DIR",
            description = "Directory for a flight recording of every joiner and copier. This costs a little speed.")
    private @Nullable Path profile;

    @Option(names = "--plot", paramLabel = "FILE",
            description = "SVG file for a plot of the backfill: event time over the log, and how far it goes back.")
    private @Nullable Path plot;

    @Override
    Measuring measuring() {
        StreamLoad load = new StreamLoad(
                new StreamLoad.Options(Names.named("--part", StreamLoad.Part.class, parts), events, rate,
                        Duration.ofSeconds(warmUp), Duration.ofSeconds(seconds), waiting, repetitions, json(), profile),
                System.out, System.err);
        create(profile);
        return () -> {
            int status = of(load).run();
            if (plot != null && !load.places().isEmpty()) {
                PlotFile.write(plot, plot(load.places()));
            }
            return status;
        };
    }

    private static Plot plot(List<StreamLoad.Place> places) {
        long first = places.getFirst().time();
        return new Plot(List.of(
                panel("How far the log is", "event time, days", "largest", places,
                        place -> (place.time() - first) / 86_400e3),
                panel("How far event time goes back", "minutes", "most", places, place -> place.back() / 60e3)));
    }

    private static Panel panel(String title, String label, String name, List<StreamLoad.Place> places,
            ToDoubleFunction<StreamLoad.Place> value) {
        return new Panel(title, new Panel.Axis("examples, millions", false), new Panel.Axis(label, false),
                List.of(new Panel.Line(name, places.stream()
                        .map(place -> new Panel.Point(place.examples() * 1e-6, value.applyAsDouble(place))).toList())),
                List.of());
    }
}
