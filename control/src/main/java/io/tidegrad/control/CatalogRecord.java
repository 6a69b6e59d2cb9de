package io.tidegrad.control;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Reads and writes the records of the topic of models, whose key is the model's name. Format: magic TGCM,
/// format (4), model, epoch (4), spec, spec's fingerprint, stage (1), time of registration (8), input topic, its id,
/// start offset (8), count of rollbacks (4), each as in a `ControlRecord`, model that answers (empty for its own),
/// stage before the pause (1; 0 if there is none), CRC32C (4); texts with their length (4) before them, hashes as 32
/// bytes. The checksum is also over the model's name. In format 2 each rollback has its numerics (4) behind it, and in format
/// 3 then whether it is a move (1), and the components of that. A model that was never upgraded has format 1, and one that
/// was never moved format 2 at most, which older builds read.
public final class CatalogRecord {
    public static final int FORMAT = 3;
    private static final int FORMAT_WITHOUT_MOVES = 2;
    private static final int FORMAT_WITHOUT_NUMERICS = 1;

    private static final String MAGIC = "TGCM";
    private static final int HASH_BYTES = 32;
    private static final int ROLLBACK_BYTES = 4 + 4 + 8 + 8 + HASH_BYTES + 8;
    private static final List<Stage> STAGES = List.of(Stage.CANDIDATE, Stage.LIVE, Stage.PAUSED, Stage.RETIRED);

    /// The topic's bound on a record, most of which is the spec.
    public static final int BYTES_MAX = 1024 * 1024;

    private CatalogRecord() {}

    public static byte[] encode(ModelRecord record) {
        List<ControlAction.Rollback> rollbacks = ModelCatalog.rollbacks(record);
        boolean numerics = rollbacks.stream().anyMatch(ControlAction.Rollback::isUpgrade);
        boolean moved = rollbacks.stream().anyMatch(ControlAction.Rollback::isMove);
        int format = moved ? FORMAT : numerics ? FORMAT_WITHOUT_MOVES : FORMAT_WITHOUT_NUMERICS;
        BinaryWriter to = new BinaryWriter(MAGIC, format, 4096).text(record.getModel()).int32(record.getEpoch())
                .text(record.getSpec()).raw(ControlRecord.hash(record.getSpecFingerprint()))
                .int8(code(record.getStage())).int64(record.getCreatedAt().toEpochMilli()).text(record.getInputTopic())
                .text(record.getInputTopicId()).int64(record.getStartOffset()).int32(rollbacks.size());
        rollbacks.forEach(rollback -> {
            ControlRecord.write(rollback, numerics, to);
            if (moved) {
                to.int8(rollback.isMove() ? 1 : 0);
                ControlRecord.write(rollback.move(), to);
            }
        });
        String answeredBy = record.getAnsweredBy();
        return to.text(answeredBy == null ? "" : answeredBy).int8(code(record.getPausedFrom()))
                .seal(ControlRecord.key(record.getModel()));
    }

    private static int code(@Nullable Stage stage) {
        return stage == null ? 0 : 1 + STAGES.indexOf(stage);
    }

    /// Reads a record, and checks each size before it allocates memory for it.
    ///
    /// @throws ControlFormatException if `key` and `value` are no such record
    public static ModelRecord decode(byte[] key, byte[] value) {
        String keyed = ControlRecord.model(key);
        BinaryReader from = new BinaryReader(value, "catalog record", MAGIC, FORMAT_WITHOUT_NUMERICS, FORMAT,
                ControlFormatException::new, key);
        String model = from.text("model name", ControlRecord.MODEL_BYTES_MAX);
        if (!model.equals(keyed)) {
            throw from.fail("expected one of the key's model, found one of " + model);
        }
        int epoch = ControlRecord.epoch(from, 1);
        ModelRecord.Builder record = ModelRecord.newBuilder().setModel(model).setEpoch(epoch)
                .setSpec(from.text("spec", BYTES_MAX)).setSpecFingerprint(ControlRecord.hash(from))
                .setStage(Objects.requireNonNull(stage(from, "stage", 1)))
                .setCreatedAt(Instant.ofEpochMilli(from.int64()))
                .setInputTopic(from.text("topic name", ControlRecord.TOPIC_BYTES_MAX))
                .setInputTopicId(from.text("topic id", ControlRecord.TOPIC_ID_BYTES_MAX))
                .setStartOffset(ControlRecord.offset(from, "start offset", 0));
        int count = from.count("count of rollbacks", from.remaining() / ROLLBACK_BYTES);
        List<ControlAction.Rollback> rollbacks = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            ControlAction.Rollback rollback = ControlRecord.rollback(from, from.format() > FORMAT_WITHOUT_NUMERICS);
            rollbacks.add(from.format() == FORMAT && from.int8() == 1 ? ControlRecord.moved(rollback, from) : rollback);
        }
        String answeredBy = from.text("answering model's name", ControlRecord.MODEL_BYTES_MAX);
        record.setRollbacks(ModelCatalog.origins(rollbacks)).setAnsweredBy(answeredBy.isEmpty() ? null : answeredBy)
                .setPausedFrom(stage(from, "stage before the pause", 0));
        from.end();
        return record.build();
    }

    /// Returns whether a value that can't be read is a record of a later format.
    public static boolean isOfNewerBuild(byte[] value) {
        byte[] magic = MAGIC.getBytes(StandardCharsets.US_ASCII);
        return value.length >= 8 && Arrays.equals(value, 0, 4, magic, 0, 4)
                && ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getInt(4) > FORMAT;
    }

    private static @Nullable Stage stage(BinaryReader from, String name, int min) {
        int code = from.int8();
        if (code < min || code > STAGES.size()) {
            throw from.fail("expected a " + name + " from " + min + " to " + STAGES.size() + ", found " + code);
        }
        return code == 0 ? null : STAGES.get(code - 1);
    }
}
