package io.tidegrad.cli;

import io.tidegrad.cli.quickstart.Pace;
import io.tidegrad.cli.quickstart.Production;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.streams.ShippedStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "produce", description = {"Send a stream of real events to a running system, and watch it learn.", "",
    "Waits for Kafka, creates the stream's topic unless it exists, and waits for the registry, a trainer that learns the"
            + " stream's model and a scorer that serves it. Then it sends the events, and shows every two seconds what"
            + " trainer and scorer report. The status is 0 once all events are learned and served."})
final class ProduceCommand extends OptionsCommand {
    @Option(names = "--stream", paramLabel = "NAME", defaultValue = "flights", converter = StreamName.class,
            description = "Stream of events: flights or digits (default: ${DEFAULT-VALUE}).")
    private ShippedStream stream = ShippedStream.FLIGHTS;

    @Option(names = "--bootstrap-servers", paramLabel = "HOST:PORT", required = true,
            defaultValue = "${env:TIDEGRAD_BOOTSTRAP_SERVERS}",
            description = "Kafka brokers to connect to first; else TIDEGRAD_BOOTSTRAP_SERVERS in the environment.")
    private String bootstrapServers = "";

    @Option(names = "--registry-url", paramLabel = "URL", required = true,
            defaultValue = "${env:TIDEGRAD_REGISTRY_URL}",
            description = "Base URL of the schema registry (Confluent's REST API); else TIDEGRAD_REGISTRY_URL in the"
                    + " environment.")
    private String registryUrl = "";

    @Option(names = "--trainer", paramLabel = "URL", defaultValue = "http://127.0.0.1:8080",
            description = "Trainer to watch (default: ${DEFAULT-VALUE}).")
    private String trainer = "";

    @Option(names = "--scorer", paramLabel = "URL", required = true, description = "Scorer to watch.")
    private String scorer = "";

    @Option(names = "--rate", paramLabel = "N",
            description = "Events a second, or max (default: 10000 for flights, 1000 for digits).")
    private @Nullable String rate;

    @Option(names = "--events", paramLabel = "N", description = "Send only the first N events of the stream.")
    private @Nullable Integer events;

    @Override
    public Integer call() throws InterruptedException {
        production().run();
        return 0;
    }

    private Production production() {
        try {
            return new Production(stream, rate == null ? new Pace(stream.eventsPerSecond()) : Pace.parse(rate),
                    events == null ? stream.rows() : events, new KafkaProvider.Elsewhere(bootstrapServers, registryUrl),
                    trainer, scorer);
        } catch (IllegalArgumentException e) {
            throw wrongUsage(e);
        }
    }
}
