package io.tidegrad.joiner.join;

import io.tidegrad.engine.random.Murmur3;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.LabelText;
import io.tidegrad.model.stream.StreamSpec;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Keeps a share of the examples with the common label. Which ones is a function of the id: MurmurHash3 x86 32 with
/// seed 1 of its UTF-8 bytes, read as an unsigned number, is below share · 2^32, rounded.
///
/// **Why the stream stays unbiased.** Take the stream without sampling, and its records one by one. Sampling writes
/// each with a probability p over the hash, and gives it 1/p times its weight: p is the share for an event's first
/// example with the common label, and 1 for every other record. So what a model learns from has, in expectation, the
/// weight of the whole stream, for each kind of record and each label alone, and predictions stay calibrated. For
/// corrections p is 1 whatever became of the event's first example: the correction of a negative that was left out to a
/// positive has weight 1, as it has in the whole stream. (If only kept events were corrected, positives that come late
/// would be learned with the share of their weight; if corrections had the weight of a kept negative, with a multiple.)
/// Corrections to the common label are as rare as the labels that they correct, so thinning them would save nothing.
final class Sampling {
    private static final int SEED = 1;

    private final double share;
    private final String label;
    private final long threshold;

    private Sampling(StreamSpec.Sample sample) {
        share = sample.negatives();
        label = sample.label();
        threshold = Math.round(share * 0x1p32);
    }

    /// Returns null when the stream has no sampling.
    static @Nullable Sampling of(StreamSpec spec) {
        return spec.sample() == null ? null : new Sampling(spec.sample());
    }

    /// Returns an event's first example as it is to be written; null: it is left out.
    @Nullable
    Example sampled(String id, Example first) {
        String of = first.label();
        if (of == null || !LabelText.same(of, label)) {
            return first;
        }
        int hash = Murmur3.hash(id.getBytes(StandardCharsets.UTF_8), SEED);
        return Integer.toUnsignedLong(hash) < threshold ? first.withWeight(first.weight() / share) : null;
    }
}
