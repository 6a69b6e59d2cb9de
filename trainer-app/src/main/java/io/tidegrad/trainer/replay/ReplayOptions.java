package io.tidegrad.trainer.replay;

import io.tidegrad.engine.kernel.Kernels;
import java.util.Map;
import java.util.Objects;

/// What to replay, and to where.
///
/// @param bootstrapServers of the Kafka that holds the log of record
/// @param registryUrl base of the registry's Confluent REST API
/// @param prefix of our topics; `tidegrad` unless configured otherwise
/// @param model whose registered spec and start offset are used; nothing of the trainer's state is read
/// @param toOffset exclusive; `TO_END` for every record visible when the replay starts
/// @param kernels with which to learn: any choice gives the same bits
/// @param kafka further client settings (TLS, SASL), as given to the trainer
public record ReplayOptions(
        String bootstrapServers,
        String registryUrl,
        String prefix,
        String model,
        long toOffset,
        Kernels kernels,
        Map<String, String> kafka) {
    public static final long TO_END = -1;

    public ReplayOptions {
        Objects.requireNonNull(kernels);
        if (toOffset < TO_END) {
            throw new IllegalArgumentException(
                    "toOffset is an exclusive offset or TO_END (-1), found " + toOffset);
        }
        kafka = Map.copyOf(kafka);
    }
}
