package io.tidegrad.control;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// A record of the status topic, whose key names the process: what a trainer or joiner runs, and how far it is. It writes
/// one a second while that changes, and otherwise every `ProcessStatus.HEARTBEAT_MILLIS`. Format: magic TGRS, format (4), role
/// (1), stopped (1), time (8), start (8), heap used (8), its limit (8), host, address, build, problem, count of runs left out
/// (4), count of runs (4); of each run name, epoch (4), state (1), problem, lag (8), count of reads (4), of each read topic,
/// partition (4), next offset (8), end (8); CRC32C (4); texts with their length (4) before them. The checksum is also over
/// the key. `ProcessStatus` is what scorers write; readers of one pass over the other.
///
/// @param process role and instance id, which is the same after a restart in the same state directory
/// @param stopped whether the process ends, and writes no more records
/// @param time the wall clock of the process, epoch ms
/// @param started when the process began, by the same clock
/// @param host its machine's name, as it knows it
/// @param address `host:port` of its health and metrics
/// @param build the version of the program
/// @param problem why it ends; empty if it was asked to, or runs
/// @param leftOut runs for which a record has no room
public record RunStatus(String process, Role role, boolean stopped, long time, long started, long heapUsed,
        long heapMax, String host, String address, String build, String problem, int leftOut, List<Run> runs) {
    public static final int FORMAT = 1;

    private static final String MAGIC = "TGRS";
    private static final int TEXT_MAX = 256; // characters, of what is no name
    private static final int NAME_BYTES_MAX = 100;
    private static final int TOPIC_BYTES_MAX = 249;
    private static final int READS_MAX = 64; // of a run; its lag is that of all
    private static final int RUNS_MAX = 10_000;
    private static final int RUNS_BYTES_MAX = 512 * 1024; // half of what the topic takes

    /// The number of a role is its ordinal + 2: scorers have 1.
    public enum Role {
        TRAINER, JOINER;

        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// What becomes of a model or of an epoch of a stream in the process. Its number is its ordinal.
    public enum State {
        /// Topics and offsets are looked at.
        STARTING,
        /// What it had learned or joined is read back.
        RESTORING,
        /// It learns or joins, or waits for records.
        RUNNING,
        /// Another process has it, and this one would take over.
        STANDBY, PAUSED,
        /// There is something to do, and nothing was committed for longer than a process that is well takes.
        STALLED,
        /// It has stopped for a reason that may pass, and is tried again.
        RETRYING,
        /// It can't go on.
        FAILED
    }

    /// @param name of the model or stream
    /// @param problem why it is not as it should be, as health says, cut to 256 characters; empty if it is
    /// @param lag records that it has not learned or joined yet; -1 if that is not known
    /// @param reads how far it is in partitions, of 64 at most
    public record Run(String name, int epoch, State state, String problem, long lag, List<Read> reads) {
        public Run {
            problem = cut(problem);
            reads = List.copyOf(reads.subList(0, Math.min(reads.size(), READS_MAX)));
        }
    }

    /// @param next offset of the first record that is not committed yet
    /// @param end of the partition
    public record Read(String topic, int partition, long next, long end) {
    }

    public RunStatus {
        host = cut(host);
        address = cut(address);
        build = cut(build);
        problem = cut(problem);
        runs = List.copyOf(runs);
    }

    private static String cut(String text) {
        return text.codePointCount(0, text.length()) <= TEXT_MAX ? text
                : text.substring(0, text.offsetByCodePoints(0, TEXT_MAX));
    }

    /// Returns whether a value of the status topic is such a record, whole or not.
    public static boolean isOne(byte[] value) {
        return value.length >= 4 && Arrays.equals(value, 0, 4, MAGIC.getBytes(StandardCharsets.US_ASCII), 0, 4);
    }

    public byte[] key() {
        return process.getBytes(StandardCharsets.UTF_8);
    }

    public byte[] encode() {
        List<byte[]> fitting = new ArrayList<>();
        int bytes = 0;
        for (Run each : runs) {
            byte[] run = encode(each);
            bytes += run.length;
            if (bytes > RUNS_BYTES_MAX || fitting.size() == RUNS_MAX) {
                break;
            }
            fitting.add(run);
        }
        BinaryWriter to = new BinaryWriter(MAGIC, FORMAT, 256).int8(role.ordinal() + 2).int8(stopped ? 1 : 0)
                .int64(time).int64(started).int64(heapUsed).int64(heapMax).text(host).text(address).text(build)
                .text(problem).int32(leftOut + runs.size() - fitting.size()).int32(fitting.size());
        fitting.forEach(to::raw);
        return to.seal(key());
    }

    private static byte[] encode(Run run) {
        BinaryWriter to = new BinaryWriter().text(run.name()).int32(run.epoch()).int8(run.state().ordinal())
                .text(run.problem()).int64(run.lag()).int32(run.reads().size());
        for (Read each : run.reads()) {
            to.text(each.topic()).int32(each.partition()).int64(each.next()).int64(each.end());
        }
        return to.toBytes();
    }

    /// Reads a record, and checks each size before it allocates memory for it.
    ///
    /// @throws ControlFormatException if `value` is no such record
    public static RunStatus decode(byte[] key, byte[] value) {
        BinaryReader from = new BinaryReader(value, "run record", MAGIC, FORMAT, ControlFormatException::new, key);
        Role role = of(Role.values(), from.int8() - 2, "role", from);
        boolean stopped = from.int8() != 0;
        long time = from.int64();
        long started = from.int64();
        long heapUsed = from.int64();
        long heapMax = from.int64();
        String host = from.text("host", 4 * TEXT_MAX);
        String address = from.text("address", 4 * TEXT_MAX);
        String build = from.text("build", 4 * TEXT_MAX);
        String problem = from.text("problem", 4 * TEXT_MAX);
        int leftOut = from.count("count of runs left out", Integer.MAX_VALUE);
        int count = from.count("count of runs", RUNS_MAX);
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            runs.add(run(from));
        }
        from.end();
        return new RunStatus(new String(key, StandardCharsets.UTF_8), role, stopped, time, started, heapUsed, heapMax,
                host, address, build, problem, leftOut, runs);
    }

    private static Run run(BinaryReader from) {
        String name = from.text("name", NAME_BYTES_MAX);
        int epoch = from.int32();
        State state = of(State.values(), from.int8(), "state", from);
        String problem = from.text("problem", 4 * TEXT_MAX);
        long lag = from.int64();
        int count = from.count("count of reads", READS_MAX);
        List<Read> reads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            reads.add(new Read(from.text("topic", TOPIC_BYTES_MAX), from.int32(), from.int64(), from.int64()));
        }
        return new Run(name, epoch, state, problem, lag, reads);
    }

    private static <E> E of(E[] values, int number, String what, BinaryReader from) {
        if (number < 0 || number >= values.length) {
            throw from.fail("expected a " + what + " that this build knows, found number " + number);
        }
        return values[number];
    }
}
