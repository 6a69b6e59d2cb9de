package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Tensor;
import java.util.List;
import java.util.stream.IntStream;

/// Offsets of the tensors in the two byte streams that `Parameters` documents, and the pages of those streams. Doubles
/// come before floats, so that no value crosses a page.
final class Streams {
    final int stateParts;
    final long[] served; // tensor → byte offset in the served stream
    final long[] optimizer; // tensor → byte offset in the optimizer stream
    final int[] servedOrder; // tensors in the order of the served stream: statistics first
    final int[] optimizerOrder; // tensors in the order of the optimizer stream: those that have state
    final long statisticsBytes;
    final long servedBytes;
    final long optimizerBytes;

    Streams(List<Tensor> tensors, int stateParts) {
        this.stateParts = stateParts;
        served = new long[tensors.size()];
        optimizer = new long[tensors.size()];
        long at = 0;
        for (int tensor = 0; tensor < served.length; tensor++) {
            if (tensors.get(tensor) instanceof Tensor.Statistics statistics) {
                served[tensor] = at;
                at += (long) statistics.columns() * Double.BYTES;
            }
        }
        statisticsBytes = at;
        long optimizerAt = 0;
        for (int tensor = 0; tensor < served.length; tensor++) {
            if (!(tensors.get(tensor) instanceof Tensor.Statistics)) {
                long bytes = values(tensors.get(tensor)) * Float.BYTES;
                served[tensor] = at;
                at += bytes;
                optimizer[tensor] = optimizerAt;
                optimizerAt += bytes * stateParts;
            }
        }
        servedBytes = at;
        optimizerBytes = optimizerAt;
        int[] floats = IntStream.range(0, served.length)
                .filter(tensor -> !(tensors.get(tensor) instanceof Tensor.Statistics)).toArray();
        servedOrder = IntStream
                .concat(IntStream.range(0, served.length)
                        .filter(tensor -> tensors.get(tensor) instanceof Tensor.Statistics), IntStream.of(floats))
                .toArray();
        optimizerOrder = stateParts == 0 ? new int[0] : floats;
    }

    /// Returns the place in `order` of the last tensor that starts at byte `at` or before it; 0 if none does.
    static int lastNotAfter(int[] order, long[] starts, long at) {
        int low = 0;
        int high = order.length - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (starts[order[middle]] <= at) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    long servedBytes(Tensor tensor) {
        return values(tensor) * (tensor instanceof Tensor.Statistics ? Double.BYTES : Float.BYTES);
    }

    long servedEnd(int tensor, Plan plan) {
        return served[tensor] + servedBytes(plan.tensors().get(tensor));
    }

    private static long values(Tensor tensor) {
        return (long) tensor.rows() * tensor.columns();
    }

    long weights() {
        return (servedBytes - statisticsBytes) / Float.BYTES;
    }

    int servedPages() {
        return pages(servedBytes);
    }

    int optimizerPages() {
        return pages(optimizerBytes);
    }

    private static int pages(long bytes) {
        return Math.toIntExact(Math.ceilDiv(bytes, Parameters.PAGE_BYTES));
    }
}
