package io.tidegrad.model.learn;

import io.tidegrad.engine.model.Memory;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.spec.ModelSpec;
import java.util.LinkedHashMap;
import java.util.Map;

/// The heap, in bytes, that a model's spec needs, computed before any of it is allocated. The JVM, Kafka's clients and
/// the records being read need more on top.
///
/// @param learning weights, optimizer state and a mini-batch's workspace
/// @param backlog the rows of a backlog that a second thread prepares ahead of learning, and evaluates behind it; 0 where a row
/// is so large that it does neither
/// @param comparing two copies of the weights that a gate compares, and a workspace; 0 unless the spec wants it
/// @param inspecting the weights that a trainer has read of it, to tell what changes
/// @param warmUp the kernels' warm-up while a trainer starts
/// @param scoring what a scorer holds: the weights, and the workspace for one record at a time
public record LearningMemory(Memory learning, long backlog, long comparing, long inspecting, long warmUp,
        Memory scoring) {
    /// How many bytes of rows are prepared ahead of learning at most: what lies in the cache of a core's own.
    private static final long AHEAD_BYTES_MAX = 1 << 20;

    private static final int AHEAD_ROWS_MIN = 16;
    private static final int AHEAD_ROWS_MAX = 1_024;

    public static LearningMemory of(ModelSpec spec) {
        Plan plan = Plan.of(spec.network());
        ModelSpec.Gate gate = spec.publish().gate();
        Memory predicting = Memory.toPredict(plan, spec.miniBatch());
        return new LearningMemory(Memory.toLearn(plan, spec.miniBatch(), spec.quarantine().judgesGradients()),
                backlog(spec), gate != null && gate.againstServed() ? predicting.total() + predicting.weights() : 0,
                Memory.toInspect(plan), Memory.toWarmUp(plan, spec.miniBatch()), Memory.toPredict(plan, 1));
    }

    /// How many rows may lie prepared ahead of learning, a power of two; 0 where a row is so large that learning it takes far
    /// longer than preparing it.
    ///
    /// @param rowBytes of a row
    public static int rowsAhead(long rowBytes) {
        return rowBytes > AHEAD_BYTES_MAX / AHEAD_ROWS_MIN ? 0
                : Integer.highestOneBit(Math.clamp(AHEAD_BYTES_MAX / rowBytes, AHEAD_ROWS_MIN, AHEAD_ROWS_MAX));
    }

    private static long backlog(ModelSpec spec) {
        long rowBytes = OnlineModel.rowBytes(spec);
        int rows = rowsAhead(rowBytes);
        return rows == 0 ? 0 : rows * rowBytes + EvaluationBehind.bytes(spec);
    }

    /// Bytes that a trainer needs while it starts.
    public long total() {
        return learning.total() + backlog + comparing + inspecting + warmUp;
    }

    /// Returns the bytes that a trainer needs by their use, and their total.
    public Map<String, Long> byUse() {
        Map<String, Long> bytes = byUse(learning);
        bytes.put("backlog", backlog);
        bytes.put("comparing", comparing);
        bytes.put("inspecting", inspecting);
        bytes.put("warm_up", warmUp);
        bytes.put("total", total());
        return bytes;
    }

    /// Returns the bytes of a memory by their use, without a total.
    public static Map<String, Long> byUse(Memory memory) {
        Map<String, Long> bytes = new LinkedHashMap<>();
        bytes.put("weights", memory.weights());
        bytes.put("optimizer_state", memory.optimizerState());
        bytes.put("gradients", memory.gradients());
        bytes.put("workspace", memory.workspace());
        bytes.put("batch", memory.batch());
        return bytes;
    }

    /// Formats a size for people: `12.3 MiB`.
    public static String text(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        double value = bytes;
        String[] units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
        int unit = -1;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(java.util.Locale.ROOT, "%.1f %s", value, units[unit]);
    }

    /// One line with the total and its parts.
    public String text() {
        StringBuilder text = new StringBuilder(text(total()));
        text.append(" (weights ").append(text(learning.weights()));
        text.append(", optimizer state ").append(text(learning.optimizerState()));
        if (learning.gradients() > 0) {
            text.append(", gradients ").append(text(learning.gradients()));
        }
        text.append(", mini-batch ").append(text(learning.workspace() + learning.batch()));
        if (backlog > 0) {
            text.append(", backlog ").append(text(backlog));
        }
        if (comparing > 0) {
            text.append(", versions that are compared ").append(text(comparing));
        }
        return text.append(", inspection ").append(text(inspecting)).append(", warm-up ").append(text(warmUp))
                .append(')').toString();
    }
}
