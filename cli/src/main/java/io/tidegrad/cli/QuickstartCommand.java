package io.tidegrad.cli;

import io.tidegrad.cli.quickstart.Pace;
import io.tidegrad.cli.quickstart.Quickstart;
import io.tidegrad.cli.quickstart.QuickstartOptions;
import io.tidegrad.localstack.streams.ShippedStream;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "quickstart",
        description = {"Watch a network learn from real events, through real Kafka.", "",
            "Starts a Kafka broker, a schema registry, a trainer and a scorer, each a process of its own, sends a"
                    + " stream of real events, and shows how the network learns, event by event, and its baseline."
                    + " Then it learns everything again from the log alone and compares the bits by their hashes."},
        footerHeading = "%nWith --exit the status is 0 only if all of this holds:%n",
        footer = {"  always", "    every event sent is in the topic and learned exactly once:",
            "    events = learned + pending + dead letters, the last two 0;",
            "    weights-hash equal in trainer, scorer and replay, state-hash equal in",
            "    trainer and replay (digits are replayed with scalar kernels)", "  for the whole stream",
            "    log loss below the running prior's;",
            "    flights: AUC at least 0.7909 and no less than the baseline's, log loss at", "    most 0.4133;",
            "    digits: accuracy at least 0.80, over the last 2,000 at least 0.87",
            "  for the whole stream at its own pace (without --rate)",
            "    flights: at least 20 snapshots loaded, digits: at least 5;",
            "    event to admitted (from the append of an event to the first version that",
            "    contains it and answers) at most 2 s for 99 %% of the events",
            "It is 1 if something does not hold or goes wrong, 2 for a wrong option."})
final class QuickstartCommand extends OptionsCommand {
    @Option(names = "--stream", paramLabel = "NAME", defaultValue = "flights", converter = StreamName.class,
            description = {"flights: 300,000 US flights of 2001, is it late? (default)",
                "digits: 10,000 handwritten digits, which is it?"})
    private ShippedStream stream = ShippedStream.FLIGHTS;

    @Option(names = "--rate", paramLabel = "N",
            description = "Events a second, or max (default: 10000 for flights, 1000 for digits).")
    private @Nullable String rate;

    @Option(names = "--events", paramLabel = "N", description = "Send only the first N events of the stream.")
    private @Nullable Integer events;

    @Option(names = "--exit", description = "End after the summary instead of waiting for Ctrl-C; see below.")
    private boolean exit;

    @Option(names = "--json",
            description = "Print the result as one line of JSON on standard output and everything else on standard error.")
    private boolean json;

    @Option(names = "--dir", paramLabel = "DIR",
            description = "New or empty directory for topics, registry, state and logs (default: a temporary one).")
    private @Nullable Path directory;

    @Override
    public Integer call() throws InterruptedException {
        boolean holds = new Quickstart(options()).run();
        return holds ? 0 : Tidegrad.FAILED;
    }

    private QuickstartOptions options() {
        try {
            return new QuickstartOptions(stream, rate == null ? new Pace(stream.eventsPerSecond()) : Pace.parse(rate),
                    rate == null, events == null ? stream.rows() : events, exit, json, directory);
        } catch (IllegalArgumentException e) {
            throw wrongUsage(e);
        }
    }
}
