package io.tidegrad.scorer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// How much of the heap the models of this process may take together, and who loads one now. A load that would not fit
/// is refused before it asks for memory; one that only has to wait until another has ended waits. Thread-safe.
final class ModelMemory {
    private static final int AGAIN_MILLIS = 50;
    private static final double MIB = 1 << 20;

    /// What requests, Kafka's buffers and the collector need at least, however small the heap: with a tenth of a heap
    /// of 80 MiB left, the collector was at work for more than a minute instead of the scorer.
    static final long LEAST_REST = 32L << 20;

    static final ModelMemory OF_THIS_PROCESS = new ModelMemory(limit(Runtime.getRuntime().maxMemory()));

    private final long limit;
    private final Map<CurrentModel, Boolean> holders = new WeakHashMap<>();
    private final Map<CurrentModel, Long> loading = new HashMap<>();

    ModelMemory(long limit) {
        this.limit = limit;
    }

    /// What models may take of a heap: all but an eighth, or all but `LEAST_REST` where an eighth is less.
    static long limit(long heap) {
        return Math.max(0, heap - Math.max(heap / 8, LEAST_REST));
    }

    /// The least heap of which models may take so much.
    private static long heapFor(long bytes) {
        return Math.max((bytes + 6) / 7 * 8, bytes + LEAST_REST);
    }

    /// Room for a load, until `release`. Earlier versions that are kept give way to it.
    ///
    /// @param by what the model will be served by
    /// @param model its name
    /// @param bytes that the load takes beside what is served
    /// @param halted the load is not wanted any more
    /// @return why there is none; null when there is
    synchronized @Nullable String reserve(CurrentModel by, String model, long bytes, BooleanSupplier halted) {
        holders.put(by, true);
        if (bytes > limit) {
            return refusal(model, Math.min(bytes, Long.MAX_VALUE / 16), sum(false));
        }
        while (!loading.containsKey(by)) {
            long served = sum(false);
            long all = sum(true);
            long others = loading.values().stream().mapToLong(Long::longValue).sum();
            if (served + others + bytes <= limit) {
                if (all + others + bytes > limit) {
                    holders.keySet().forEach(CurrentModel::dropPrevious);
                }
                loading.put(by, bytes);
            } else if (others == 0) {
                return refusal(model, bytes, served);
            } else if (halted.getAsBoolean()) {
                return null;
            } else {
                try {
                    wait(AGAIN_MILLIS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return "interrupted while another model was loaded";
                }
            }
        }
        return null;
    }

    /// Whether room is reserved for a load already.
    synchronized boolean isReserved(CurrentModel by) {
        return loading.containsKey(by);
    }

    synchronized void release(CurrentModel by) {
        loading.remove(by);
        notifyAll();
    }

    /// Nothing is served by it any more.
    synchronized void forget(CurrentModel by) {
        holders.remove(by);
        release(by);
    }

    private long sum(boolean withPrevious) {
        return holders.keySet().stream()
                .mapToLong(each -> each.servedBytes() + (withPrevious ? each.previousBytes() : 0)).sum();
    }

    private String refusal(String model, long bytes, long served) {
        List<String> names = new ArrayList<>();
        for (CurrentModel holder : holders.keySet()) {
            ServedVersion each = holder.get();
            if (each != null) {
                names.add(each.model() + " " + mib(holder.servedBytes()));
            }
        }
        names.sort(null);
        long heap = heapFor(served + bytes);
        return "expected models of at most " + mib(limit)
                + " together, the heap without an eighth and without less than " + mib(LEAST_REST) + ", found "
                + mib(served + bytes) + ": " + (names.isEmpty() ? "" : "served " + String.join(", ", names) + "; ")
                + "to load " + model + " " + mib(bytes) + ". Give the process -Xmx" + (long) Math.ceil(heap / MIB)
                + "m or more, or serve fewer models in it";
    }

    private static String mib(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / MIB);
    }
}
