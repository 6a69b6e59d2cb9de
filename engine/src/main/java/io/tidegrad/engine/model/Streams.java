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
    final TableRows[] servedRows; // by tensor
    final TableRows[] optimizerRows; // by tensor; none without state

    /// Where a tensor's rows lie in a stream. The divisions are done once, and not in each step that marks rows.
    ///
    /// @param start of row 0, in bytes
    /// @param inOnePage whether no row lies in two pages
    /// @param before how many rows of this length fill the stream before row 0, if each lies in one page
    /// @param pageShift log2 of the rows of a page, likewise
    record TableRows(long start, long rowBytes, boolean inOnePage, int before, int pageShift) {
        private static TableRows of(long start, long rowBytes) {
            boolean inOnePage = start % rowBytes == 0 && Parameters.PAGE_BYTES % rowBytes == 0;
            return new TableRows(start, rowBytes, inOnePage, inOnePage ? (int) (start / rowBytes) : 0,
                    inOnePage ? Long.numberOfTrailingZeros(Parameters.PAGE_BYTES / rowBytes) : 0);
        }
    }

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
        servedRows = tableRows(tensors, served, 1);
        optimizerRows = stateParts == 0 ? new TableRows[0] : tableRows(tensors, optimizer, stateParts);
    }

    private static TableRows[] tableRows(List<Tensor> tensors, long[] starts, int parts) {
        return IntStream.range(0, starts.length).mapToObj(
                tensor -> TableRows.of(starts[tensor], (long) tensors.get(tensor).columns() * parts * Float.BYTES))
                .toArray(TableRows[]::new);
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
