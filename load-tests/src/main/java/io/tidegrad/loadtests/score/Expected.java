package io.tidegrad.loadtests.score;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// What each version must answer, told before the version is published (invariant I13).
final class Expected {
    private final Map<Long, float[]> byVersion = new ConcurrentHashMap<>();
    private final int outputs;

    /// @param outputs width of an answer
    Expected(int outputs) {
        this.outputs = outputs;
    }

    int outputs() {
        return outputs;
    }

    void tell(Versions.Version version) {
        byVersion.put(version.number(), version.answers());
    }

    /// A judge for one client.
    Judge judge() {
        return judge(0);
    }

    /// @param within of a number that is expected; 0 for the same bits
    Judge judge(float within) {
        return new Judge(within);
    }

    /// Compares answers with those of the version that they name, bit for bit, and checks that versions never go back.
    /// For one thread.
    final class Judge {
        private final float within;
        private long version = -1;
        private float @Nullable [] answers;

        Judge(float within) {
            this.within = within;
        }

        /// @param named the version that the answer says it is of
        /// @param from the first question that was asked; the others follow it, the first one behind the last
        /// @param found shape (questions, outputs)
        /// @param numbers that were found
        /// @return what is wrong; null when nothing is
        @Nullable
        String wrong(long named, int from, float[] found, int numbers, int questions) {
            if (numbers != questions * outputs) {
                return "expected " + questions * outputs + " numbers, found " + numbers;
            }
            if (named != version) {
                if (named < version) {
                    return "expected version " + version + " or above, found " + named;
                }
                answers = byVersion.get(named);
                version = named;
            }
            float[] told = answers;
            if (told == null) {
                return "expected a version that was published, found " + named;
            }
            int at = from * outputs;
            for (int i = 0; i < questions * outputs; i++) {
                float expected = told[(at + i) % told.length];
                if (!isSame(expected, found[i])) {
                    return "question " + (from + i / outputs) + " of version " + named + ": expected " + expected
                            + ", found " + found[i];
                }
            }
            return null;
        }

        private boolean isSame(float told, float found) {
            return Float.floatToRawIntBits(told) == Float.floatToRawIntBits(found)
                    || Math.abs(told - found) <= within && within > 0;
        }
    }
}
