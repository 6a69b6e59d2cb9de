package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Tensor;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Offsets of the tensors in the two byte streams that `Parameters` documents, and the pages of those streams. Doubles
/// come before floats, so that no value crosses a page.
final class Streams {
    final int stateParts;
    final long[] served; // tensor → byte offset in the served stream
    final long[] optimizer; // tensor → byte offset in the optimizer stream
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
    }

    /// Tensor indices in the order of the served stream: statistics first.
    int[] servedOrder() {
        return IntStream.range(0, served.length).boxed()
                .sorted(Comparator.comparingLong((Integer tensor) -> served[tensor])).mapToInt(Integer::intValue)
                .toArray();
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
