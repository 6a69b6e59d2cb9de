package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.topology.JoinInputs.Keyed;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// What the tasks of one thread have read and not sent yet, for each partition of the repartition topic. One record there
/// carries many inputs, for Kafka Streams and a producer have more to do for a record than the join has for an input.
///
/// The tasks of a thread share it, so that their inputs are sent in the order in which `Alignment` let them pass. If each
/// task had its own, one that reads little would send its inputs behind those of hours that another has read since. The
/// producer and its transaction are the thread's too. All tasks that have read something are committed together, and each
/// of them sends everything before.
final class InputPacks {
    /// Bytes of one record, but for an input that has more. So the topic takes it, whose records may have 128 KiB at least.
    static final int BYTES_MAX = 16 * 1024;

    /// Joining so many takes some 10 ms, and a thread looks no sooner whether it should commit.
    static final int COUNT_MAX = 128;

    private final List<Pack> packs = new ArrayList<>(); // by partition

    /// @param task that has read it
    private record Gathered(Object task, Keyed input, int bytes) {
    }

    private static final class Pack {
        private final List<Gathered> inputs = new ArrayList<>();
        private int bytes;
    }

    InputPacks(int partitions) {
        for (int i = 0; i < partitions; i++) {
            packs.add(new Pack());
        }
    }

    /// Adds an input of a task, and sends what is full.
    void add(Object task, int partition, Keyed input, Consumer<JoinInputs> to) {
        Pack pack = packs.get(partition);
        int bytes = JoinInputCodec.bytesMax(input);
        if (pack.bytes + bytes > BYTES_MAX) {
            send(partition, to);
        }
        pack.inputs.add(new Gathered(task, input, bytes));
        pack.bytes += bytes;
        if (pack.inputs.size() >= COUNT_MAX || pack.bytes >= BYTES_MAX) {
            send(partition, to);
        }
    }

    /// Sends all that is here, before a commit.
    void send(Consumer<JoinInputs> to) {
        for (int i = 0; i < packs.size(); i++) {
            send(i, to);
        }
    }

    private void send(int partition, Consumer<JoinInputs> to) {
        Pack pack = packs.get(partition);
        if (pack.inputs.isEmpty()) {
            return;
        }
        List<Keyed> inputs = pack.inputs.stream().map(Gathered::input).toList();
        pack.inputs.clear();
        pack.bytes = 0;
        to.accept(new JoinInputs(partition, inputs));
    }

    /// Forgets what a task has read and not committed: it will be read again.
    void forget(Object task) {
        for (Pack pack : packs) {
            pack.inputs.removeIf(each -> each.task() == task);
            pack.bytes = pack.inputs.stream().mapToInt(Gathered::bytes).sum();
        }
    }
}
