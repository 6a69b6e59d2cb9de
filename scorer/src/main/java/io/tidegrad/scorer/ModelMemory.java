package io.tidegrad.scorer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Bounds how much of the heap the models of this process take together. A load that would not fit is refused before it
/// allocates memory. A load that would fit once another one has ended waits for it. Thread-safe.
final class ModelMemory {
    private static final int AGAIN_MILLIS = 50;
    private static final double MIB = 1 << 20;

    /// What requests, Kafka's buffers and the garbage collector need at least. With 8 MiB left of a heap of 80 MiB, the
    /// collector kept the scorer from working for more than a minute.
    static final long LEAST_REST = 32L << 20;

    static final ModelMemory OF_THIS_PROCESS = new ModelMemory(limit(Runtime.getRuntime().maxMemory()));

    private final long limit;
    private final Map<CurrentModel, Boolean> holders = new WeakHashMap<>();
    private final Map<CurrentModel, Long> loading = new HashMap<>();

    ModelMemory(long limit) {
        this.limit = limit;
    }

    /// Returns how much of a heap models may take: all but an eighth, or all but `LEAST_REST` if an eighth is less than
    /// that.
    static long limit(long heap) {
        return Math.max(0, heap - Math.max(heap / 8, LEAST_REST));
    }

    /// Returns the smallest heap of which models may take this much.
    private static long heapFor(long bytes) {
        return Math.max((bytes + 6) / 7 * 8, bytes + LEAST_REST);
    }

    /// Reserves memory for a load, until `release`. Earlier versions are dropped if the load needs their memory.
    ///
    /// @param by holder that will serve the model
    /// @param model name of the model
    /// @param bytes how much the load takes in addition to what is served
    /// @param halted returns true if the load is no longer wanted
    /// @return why there is not enough memory; null if there is
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

    /// Returns whether memory is reserved for a load of this holder.
    synchronized boolean isReserved(CurrentModel by) {
        return loading.containsKey(by);
    }

    synchronized void release(CurrentModel by) {
        loading.remove(by);
        notifyAll();
    }

    /// Removes a holder that serves nothing any more.
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
