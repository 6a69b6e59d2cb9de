package io.tidegrad.control;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.UndecodableException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// A record of the topic of models, whose key is the model's name: what a model is at present. Format: magic TGCM,
/// format (4), model, epoch (4), spec, spec's fingerprint, stage (1), time of registration (8), input topic, its id,
/// start offset (8), count of rollbacks (4), each as in a `ControlRecord`, model that answers (empty for its own),
/// stage before the pause (1; 0 when there is none), CRC32C (4); texts with their length (4) before them, hashes as 32
/// bytes. The checksum is also over the model's name.
///
/// Until this format the value was Avro in Confluent wire format. Such records are read without a registry: the two
/// schemas that were ever written are known, and a record must fit one of them to its last byte and name the model of
/// its key.
public final class CatalogRecord {
    public static final int FORMAT = 1;

    private static final String MAGIC = "TGCM";
    private static final int HASH_BYTES = 32;
    private static final int ROLLBACK_BYTES = 4 + 4 + 8 + 8 + HASH_BYTES + 8;
    private static final int NO_STAGE = 0;

    /// The topic's bound on a record; a specification is most of it.
    public static final int BYTES_MAX = 1024 * 1024;

    private static final Schema AVRO = ModelRecord.getClassSchema();

    /// The first schema, from the time before records had rollbacks, promotions and pauses.
    private static final Schema FIRST_AVRO = Schema.createRecord(AVRO.getName(), null, AVRO.getNamespace(), false,
            AVRO.getFields().stream().limit(Objects.requireNonNull(AVRO.getField("rollbacks")).pos())
                    .map(field -> new Schema.Field(field, field.schema())).toList());

    static {
        AvroCodec.trustOwnClasses(); // whoever copies a record asks Avro for the classes in it
    }

    private CatalogRecord() {}

    public static byte[] encode(ModelRecord record) {
        BinaryWriter to = new BinaryWriter(MAGIC, FORMAT, 4096).text(record.getModel()).int32(record.getEpoch())
                .text(record.getSpec()).raw(ControlRecord.hash(record.getSpecFingerprint()))
                .int8(code(record.getStage())).int64(record.getCreatedAt().toEpochMilli()).text(record.getInputTopic())
                .text(record.getInputTopicId()).int64(record.getStartOffset()).int32(record.getRollbacks().size());
        for (EpochOrigin origin : record.getRollbacks()) {
            to.int32(origin.getEpoch()).int32(origin.getBaseEpoch()).int64(origin.getBaseVersion())
                    .raw(ControlRecord.hash(origin.getBaseWeightsHash())).int64(origin.getBaseNextOffset())
                    .int64(origin.getResumeOffset());
        }
        String answeredBy = record.getAnsweredBy();
        return to.text(answeredBy == null ? "" : answeredBy).int8(code(record.getPausedFrom()))
                .seal(ControlRecord.key(record.getModel()));
    }

    private static int code(@Nullable Stage stage) {
        return switch (stage) {
            case null -> NO_STAGE;
            case CANDIDATE -> 1;
            case LIVE -> 2;
            case PAUSED -> 3;
            case RETIRED -> 4;
        };
    }

    /// @param key of the record
    /// @throws ControlFormatException names what was expected and found; sizes are checked before allocation
    public static ModelRecord decode(byte[] key, byte[] value) {
        String model = ControlRecord.model(key);
        ModelRecord record = value.length > 0 && value[0] == 0 ? avro(value) : binary(key, value);
        if (!record.getModel().equals(model)) {
            throw new ControlFormatException(
                    "catalog record: expected one of the key's model, found one of " + record.getModel());
        }
        return record;
    }

    /// Whether a value that can't be read is a record of ours of a later format.
    public static boolean isOfNewerBuild(byte[] value) {
        byte[] magic = MAGIC.getBytes(StandardCharsets.US_ASCII);
        return value.length >= 8 && Arrays.equals(value, 0, 4, magic, 0, 4)
                && ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getInt(4) > FORMAT;
    }

    private static ModelRecord binary(byte[] key, byte[] value) {
        BinaryReader from = new BinaryReader(value, "catalog record", MAGIC, FORMAT, ControlFormatException::new, key);
        String model = from.text("model name", ControlRecord.MODEL_BYTES_MAX);
        int epoch = ControlRecord.epoch(from, 1);
        ModelRecord.Builder record = ModelRecord.newBuilder().setModel(model).setEpoch(epoch)
                .setSpec(from.text("spec", BYTES_MAX)).setSpecFingerprint(ControlRecord.hash(from))
                .setStage(Objects.requireNonNullElse(stage(from, "stage", 1), Stage.LIVE))
                .setCreatedAt(Instant.ofEpochMilli(from.int64()))
                .setInputTopic(from.text("topic name", ControlRecord.TOPIC_BYTES_MAX))
                .setInputTopicId(from.text("topic id", ControlRecord.TOPIC_ID_BYTES_MAX))
                .setStartOffset(ControlRecord.offset(from, "start offset", 0));
        int count = from.count("count of rollbacks", from.remaining() / ROLLBACK_BYTES);
        List<EpochOrigin> rollbacks = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            ControlAction.Rollback rollback = ControlRecord.rollback(from);
            rollbacks.add(EpochOrigin.newBuilder().setEpoch(rollback.epoch()).setBaseEpoch(rollback.base().epoch())
                    .setBaseVersion(rollback.base().version()).setBaseNextOffset(rollback.base().nextOffset())
                    .setBaseWeightsHash(rollback.base().weightsHash()).setResumeOffset(rollback.resumeOffset())
                    .build());
        }
        String answeredBy = from.text("answering model's name", ControlRecord.MODEL_BYTES_MAX);
        record.setRollbacks(rollbacks).setAnsweredBy(answeredBy.isEmpty() ? null : answeredBy)
                .setPausedFrom(stage(from, "stage before the pause", NO_STAGE));
        from.end();
        return record.build();
    }

    private static @Nullable Stage stage(BinaryReader from, String name, int min) {
        int code = from.int8();
        return switch (code) {
            case 1 -> Stage.CANDIDATE;
            case 2 -> Stage.LIVE;
            case 3 -> Stage.PAUSED;
            case 4 -> Stage.RETIRED;
            default -> {
                if (code == min) {
                    yield null;
                }
                throw from.fail("expected a " + name + " from " + min + " to 4, found " + code);
            }
        };
    }

    private static ModelRecord avro(byte[] value) {
        ModelRecord record;
        try {
            record = avro(value, AVRO);
        } catch (UndecodableException other) {
            try {
                record = avro(value, FIRST_AVRO);
            } catch (UndecodableException neither) {
                throw new ControlFormatException(String.format(Locale.ROOT,
                        "catalog record: expected one of format %d (%s), or one in Avro as older builds"
                                + " wrote it, found neither: %s",
                        FORMAT, MAGIC, other.getMessage()));
            }
        }
        try {
            HexFormat.of().parseHex(record.getSpecFingerprint());
        } catch (IllegalArgumentException e) {
            throw new ControlFormatException(
                    "catalog record: expected a spec's fingerprint in hexadecimal digits, found '"
                            + record.getSpecFingerprint() + "'");
        }
        return record;
    }

    private static ModelRecord avro(byte[] value, Schema writer) {
        return AvroCodec.decode(value, writer, ModelRecord.class);
    }
}
