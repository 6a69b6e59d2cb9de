package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.SlabCopy;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;

/// Builds the next version of a served model from its changes. It shares with its parent what is not written (tables in
/// blocks of 8 KiB, other tensors whole), so it only needs memory for what is written, and the parent's readers are not
/// affected. One thread writes, and passes the parameters on when it is done.
public final class Successor {
    private final Plan plan;
    private final int[] order; // tensors by place in the served stream
    private final SlabCopy copy;
    private final Parameters parameters;
    private final PageSet touched;
    private int cursor; // index in `order`, because runs come in ascending order
    private long firstNonFinite = -1;

    /// @param parent from `Parameters.served`, or the parameters of another successor
    public Successor(Parameters parent) {
        if (!parent.isServedOnly()) {
            throw new IllegalArgumentException("expected parameters that are served, found ones that learn");
        }
        plan = parent.plan();
        order = plan.streams().servedOrder;
        copy = new SlabCopy(parent.slab());
        parameters = Parameters.servedFrom(plan, copy.slab());
        parameters.setCounts(parent.updates(), parent.examples());
        touched = new PageSet(parameters.pages());
    }

    /// Writes bytes `at` to `at + length` of the served stream.
    ///
    /// @throws IllegalArgumentException the stream has no such bytes, or they don't begin and end between two values
    public void write(long at, byte[] from, int offset, int length) {
        Streams streams = plan.streams();
        long end = at + length;
        if (length < 0 || at < 0 || at > streams.servedBytes - length) {
            throw new IllegalArgumentException(
                    "expected bytes of a stream of " + streams.servedBytes + ", found " + at + " to " + end);
        }
        requireWhole(at);
        requireWhole(end);
        if (length == 0) {
            return;
        }
        touched.markRange((int) (at / Parameters.PAGE_BYTES), (int) ((end - 1) / Parameters.PAGE_BYTES));
        if (firstNonFinite < 0) {
            int bad = Parameters.firstNonFinite(streams, at, from, offset, length);
            firstNonFinite = bad < 0 ? -1 : at + bad - offset;
        }
        if (cursor == order.length || at < streams.served[order[cursor]]) {
            cursor = 0;
        }
        while (streams.servedEnd(order[cursor], plan) <= at) {
            cursor++;
        }
        for (int i = cursor; i < order.length && streams.served[order[i]] < end; i++) {
            write(order[i], at, end, from, offset);
        }
    }

    private void requireWhole(long at) {
        long unit = at < plan.streams().statisticsBytes ? Double.BYTES : Float.BYTES;
        if (at % unit != 0) {
            throw new IllegalArgumentException("expected a multiple of " + unit + " bytes, found " + at);
        }
    }

    private void write(int tensor, long at, long end, byte[] from, int offset) {
        Tensor declared = plan.tensors().get(tensor);
        Streams streams = plan.streams();
        long start = streams.served[tensor];
        long rowBytes = streams.servedBytes(declared) / declared.rows();
        int first = (int) ((Math.max(start, at) - start) / rowBytes);
        int last = (int) ((Math.min(streams.servedEnd(tensor, plan), end) - 1 - start) / rowBytes);
        switch (copy.writable(tensor, first, last)) {
            case Storage.Doubles(double[] values) ->
                Parameters.transferDoubles(values, start, at, end, from, offset, Parameters.Direction.WRITE);
            case Storage.Floats floats -> Parameters.transferFloats(declared, floats, 0, 1, start, at, end, from,
                    offset, Parameters.Direction.WRITE);
            case Storage.Touched gradients ->
                throw new IllegalStateException(declared.name() + ": gradients have no pages");
        }
    }

    /// Offset in the served stream of the first value written that is NaN or infinite; -1 if there is none.
    public long firstNonFinite() {
        return firstNonFinite;
    }

    /// Pages that were written to.
    public PageSet touched() {
        return touched;
    }

    /// Bytes of memory not shared with the parent.
    public long copiedBytes() {
        return copy.copiedBytes();
    }

    /// The new parameters, which still have the parent's counts.
    public Parameters parameters() {
        return parameters;
    }
}
