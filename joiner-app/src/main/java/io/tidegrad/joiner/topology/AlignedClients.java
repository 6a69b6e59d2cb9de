package io.tidegrad.joiner.topology;

import io.tidegrad.process.UsualClients;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;

/// Makes the clients of Kafka Streams as it would make them itself, except for a consumer that holds back what lies too far
/// ahead.
public final class AlignedClients extends UsualClients {
    private final Alignment alignment;
    private final Map<String, SourceReader> sources;

    public AlignedClients(JoinerTopology.Parts parts) {
        alignment = parts.alignment();
        sources = parts.readers();
    }

    @Override
    public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
        return new AlignedConsumer(config, alignment, sources);
    }
}
