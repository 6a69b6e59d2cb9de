package io.tidegrad.control;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// A record of the status topic, whose key names the process: what a scorer serves under which name. A process writes
/// one whenever that changes and every `HEARTBEAT_MILLIS`, and counts as gone if it has written none for
/// `SILENT_MILLIS`. Format: magic TGPS, format (4), role (1), stopped (1), time (8), address, count of names (4), of each name,
/// model, epoch (4), version (8), flags (1) and problem, CRC32C (4); texts with their length (4) before them. The
/// checksum is also over the key.
///
/// @param process `host:port-` and eight digits that no other process has
/// @param stopped whether the process ends, and writes no more records
/// @param time the wall clock of the process, epoch ms
/// @param address `host:port` at which it answers
public record ProcessStatus(String process, boolean stopped, long time, String address, List<Served> names) {
    public static final int FORMAT = 1;

    public static final long HEARTBEAT_MILLIS = 10_000;

    public static final long SILENT_MILLIS = 25_000;

    private static final String MAGIC = "TGPS";
    private static final int SCORER = 1;
    private static final int READY = 1;
    private static final int PINNED = 2;
    private static final int NAME_BYTES_MAX = 100;
    private static final int ADDRESS_BYTES_MAX = 300;
    private static final int PROBLEM_MAX = 256; // characters
    private static final int NAMES_MAX = 10_000;

    /// What the process serves under a name.
    ///
    /// @param model the model that answers; empty if none does
    /// @param epoch epoch of the version that is served; 0 if none is
    /// @param version the version that is served; -1 if none is
    /// @param pinned whether it serves this version whatever is decided
    /// @param problem why it does not serve what was decided, cut to 256 characters; empty if it does
    public record Served(String name, String model, int epoch, long version, boolean ready, boolean pinned,
            String problem) {
        public Served {
            if (problem.codePointCount(0, problem.length()) > PROBLEM_MAX) {
                problem = problem.substring(0, problem.offsetByCodePoints(0, PROBLEM_MAX));
            }
        }
    }

    public ProcessStatus {
        names = List.copyOf(names);
    }

    public byte[] key() {
        return process.getBytes(StandardCharsets.UTF_8);
    }

    public byte[] encode() {
        BinaryWriter to = new BinaryWriter(MAGIC, FORMAT, 128).int8(SCORER).int8(stopped ? 1 : 0).int64(time)
                .text(address).int32(names.size());
        for (Served each : names) {
            to.text(each.name()).text(each.model()).int32(each.epoch()).int64(each.version())
                    .int8((each.ready() ? READY : 0) | (each.pinned() ? PINNED : 0)).text(each.problem());
        }
        return to.seal(key());
    }

    /// Reads a record, and checks each size before it allocates memory for it.
    ///
    /// @throws ControlFormatException if `value` is no such record
    public static ProcessStatus decode(byte[] key, byte[] value) {
        BinaryReader from = new BinaryReader(value, "status record", MAGIC, FORMAT, ControlFormatException::new, key);
        int role = from.int8();
        if (role != SCORER) {
            throw from.fail("expected role " + SCORER + ", a scorer, found " + role);
        }
        boolean stopped = from.int8() != 0;
        long time = from.int64();
        String address = from.text("address", ADDRESS_BYTES_MAX);
        int count = from.count("count of names", NAMES_MAX);
        List<Served> names = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String name = from.text("name", NAME_BYTES_MAX);
            String model = from.text("model name", NAME_BYTES_MAX);
            int epoch = from.int32();
            long version = from.int64();
            int flags = from.int8();
            names.add(new Served(name, model, epoch, version, (flags & READY) != 0, (flags & PINNED) != 0,
                    from.text("problem", 4 * PROBLEM_MAX)));
        }
        from.end();
        return new ProcessStatus(new String(key, StandardCharsets.UTF_8), stopped, time, address, names);
    }
}
