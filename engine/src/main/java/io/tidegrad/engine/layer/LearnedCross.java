package io.tidegrad.engine.layer;

import io.tidegrad.engine.random.Murmur3;
import java.util.ArrayList;
import java.util.List;

/// Selects a row of a table (buckets, dimension) for a combination of categories, of which other layers have learned some:
/// the bucket in which `Quantiles` put a number, or whether a `Vocabulary` knows a value. Output: the table row.
///
/// The combination is words of 32 bits: the row's id at `hashAt`, which is the hash of all categories that are not learned,
/// then a word for each part, in their order. The table row is the MurmurHash3 of these words (seed 0, each as four bytes, the
/// lowest first), unsigned, modulo `buckets`.
///
/// - Of a number the word is the table row that the `Quantiles` read for it: the bucket, or behind the last one if the number
///   is missing.
/// - Of a value it is the first of its two ids if the `Vocabulary` has a row for it, else 0. It is not that row, which another
///   value may have later, whose combinations would then begin with what was learned of this one's.
///
/// Both are read from the state before the batch, as those layers do. So it has no state of its own.
///
/// @param hashAt index of the row's id that is the hash of the categories that are not learned
/// @param start the bound of the table's first weights, as of an `Embedding`
public record LearnedCross(int hashAt, List<Part> parts, int buckets, int dimension, Embedding.Update update,
        float start) implements Layer {
    public LearnedCross {
        parts = List.copyOf(parts);
    }

    public LearnedCross(int hashAt, List<Part> parts, int buckets, int dimension, Embedding.Update update) {
        this(hashAt, parts, buckets, dimension, update, Embedding.START);
    }

    /// What a combination has of one number or value. It has numbers and ids of its own in the row, so that an explanation can
    /// leave out the cross and keep the feature itself.
    public sealed interface Part {
        /// @param numberAt index of the row's number
        /// @param missingAt index of the row's id that is not 0 where the number is missing
        /// @param of the `numberAt` of the `Quantiles`
        record Bucket(int numberAt, int missingAt, int of) implements Part {
        }

        /// @param keyAt index of the first of the value's two ids
        /// @param of the `keyAt` of the `Vocabulary`
        record Value(int keyAt, int of) implements Part {
        }
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        Embedding.requireIds(planner, this, hashAt, 1, row);
        Embedding.requireTable(planner, this, buckets, dimension);
        if (parts.isEmpty()) {
            throw planner.mismatch(this, "at least one part that is learned", "none");
        }
        for (Part part : parts) {
            switch (part) {
                case Part.Bucket bucket -> {
                    Quantiles.requireNumber(planner, this, bucket.numberAt, row);
                    Embedding.requireIds(planner, this, bucket.missingAt, 1, row);
                }
                case Part.Value value -> Embedding.requireIds(planner, this, value.keyAt, 2, row);
            }
        }
        Tensor.Table table = new Tensor.Table(planner.name("weight"), buckets, dimension, 1,
                update == Embedding.Update.TOUCHED, Embedding.NO_PADDING, start);
        int tensor = planner.declare(table);
        return new Planned(Shape.Grid.vector(dimension), true, (workspace, x, into) -> {
            workspace.count((long) Integer.BYTES * workspace.maxRows());
            List<Word> words = new ArrayList<>();
            for (Part part : parts) {
                words.add(word(planner, part, workspace));
            }
            return new Bound(this, words.toArray(Word[]::new), new Lookups(tensor, table, workspace),
                    new int[workspace.isCounting() ? 0 : workspace.maxRows()],
                    into != null ? into : workspace.activation(1, dimension, true));
        });
    }

    /// Finds the layer that has learned it: the first one in plan order, of a mixture's member that of the same member.
    private Word word(Planner planner, Part part, Workspace workspace) {
        for (Planner.Learned learned : planner.learned()) {
            switch (part) {
                case Part.Bucket bucket -> {
                    if (learned.layer() instanceof Quantiles quantiles && quantiles.numberAt() == bucket.of) {
                        return new BucketWord(bucket, quantiles, workspace.bounds(quantiles, learned.tensor()));
                    }
                }
                case Part.Value value -> {
                    if (learned.layer() instanceof Vocabulary vocabulary && vocabulary.keyAt() == value.of) {
                        return new ValueWord(value, vocabulary, learned.tensor());
                    }
                }
            }
        }
        throw planner.mismatch(this, switch (part) {
            case Part.Bucket bucket -> "a Quantiles of number " + bucket.of;
            case Part.Value value -> "a Vocabulary of id " + value.of;
        }, "none in the network");
    }

    /// Computes the words of one part.
    private sealed interface Word {
        int of(Step step, int row);
    }

    private record BucketWord(Part.Bucket part, Quantiles layer, Quantiles.Bounds bounds) implements Word {
        @Override
        public int of(Step step, int row) {
            if (step.ids[row * step.idsPerRow + part.missingAt] != 0) {
                return layer.buckets();
            }
            float number = step.numbers[row * step.numbersPerRow + part.numberAt];
            step.watch(row, number);
            return bounds.bucket(step, number);
        }
    }

    /// @param entries the tensor of the vocabulary's entries
    private record ValueWord(Part.Value part, Vocabulary layer, int entries) implements Word {
        @Override
        public int of(Step step, int row) {
            int ids = row * step.idsPerRow + part.keyAt;
            int first = step.ids[ids];
            return layer.rowOf(step.slab.rows(entries), first, step.ids[ids + 1]) == 0 ? 0 : first;
        }
    }

    /// @param chosen table rows of the batch
    private record Bound(LearnedCross layer, Word[] words, Lookups lookups, int[] chosen,
            Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block y = output.value();
            for (int row = 0; row < step.rows; row++) {
                int hash = Murmur3.withWord(0, step.ids[row * step.idsPerRow + layer.hashAt]);
                for (Word word : words) {
                    hash = Murmur3.withWord(hash, word.of(step, row));
                }
                hash = Murmur3.finished(hash, Integer.BYTES * (1 + words.length));
                chosen[row] = Integer.remainderUnsigned(hash, layer.buckets);
                lookups.read(step, chosen, row, 1, y.values, y.row(row));
            }
        }

        @Override
        public double inputMagnitude(Step step) {
            return step.rows;
        }

        @Override
        public void backward(Step step) {
            if (!lookups.isFrozen(step)) {
                lookups.backward(step, chosen, 1, 0, 1, output.requireGradient());
            }
        }
    }
}
