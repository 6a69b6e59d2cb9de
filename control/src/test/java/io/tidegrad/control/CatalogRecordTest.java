package io.tidegrad.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.GoldenFormat;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.EpochOrigin;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CatalogRecordTest {
    private static final String MODEL = "flights";
    private static final byte[] KEY = MODEL.getBytes(UTF_8);
    private static final String HASH = "0123456789abcdef".repeat(4);

    private static final GoldenFormat GOLDEN = new GoldenFormat("catalog-record", CatalogRecord.FORMAT, 4,
            bytes -> CatalogRecord.encode(CatalogRecord.decode(KEY, bytes)), () -> CatalogRecord.encode(record()));

    private static ModelRecord record() {
        AvroCodec.trustOwnClasses();
        return ModelRecord.newBuilder().setModel(MODEL).setEpoch(3).setSpec("model: flights # späte\n")
                .setSpecFingerprint(HASH).setStage(Stage.PAUSED).setCreatedAt(Instant.ofEpochMilli(1_700_000_000_123L))
                .setInputTopic("flights").setInputTopicId("x9GzQ0vYTxGkYkqk0V2b0A").setStartOffset(17)
                .setRollbacks(List.of(origin(2, 1, 50_000, 0), origin(3, 2, 40_123, 3), moved()))
                .setAnsweredBy("flights-wide").setPausedFrom(Stage.RETIRED).build();
    }

    private static EpochOrigin origin(int epoch, int base, long resumeOffset, int numerics) {
        return EpochOrigin.newBuilder().setEpoch(epoch).setBaseEpoch(base).setBaseVersion(40_000)
                .setBaseNextOffset(40_123).setBaseWeightsHash(HASH).setResumeOffset(resumeOffset).setNumerics(numerics)
                .build();
    }

    private static EpochOrigin moved() {
        return EpochOrigin.newBuilder(origin(4, 3, 40_123, 3)).setMovedFromTopicId("x9GzQ0vYTxGkYkqk0V2b0A")
                .setLeftAtOffset(50_001).setMovedToTopicId("AAAAAAAAAAEAAAAAAAAAAg").build();
    }

    /// As builds without moves read it.
    @Test
    void aModelThatWasNeverMovedHasTheFormatBefore() {
        ModelRecord record = ModelRecord.newBuilder(record()).setRollbacks(List.of(origin(3, 2, 40_123, 3))).build();
        assertThat(ByteBuffer.wrap(CatalogRecord.encode(record)).order(ByteOrder.LITTLE_ENDIAN).getInt(4)).isEqualTo(2);
        assertThat(CatalogRecord.decode(KEY, CatalogRecord.encode(record))).isEqualTo(record);
    }

    /// As builds without upgrades read it.
    @Test
    void aModelThatWasNeverUpgradedHasTheFormatBefore() {
        ModelRecord record = ModelRecord.newBuilder(record()).setRollbacks(List.of(origin(2, 1, 50_000, 0))).build();
        assertThat(ByteBuffer.wrap(CatalogRecord.encode(record)).order(ByteOrder.LITTLE_ENDIAN).getInt(4)).isEqualTo(1);
        assertThat(CatalogRecord.decode(KEY, CatalogRecord.encode(record))).isEqualTo(record);
    }

    private static ModelRecord plain() {
        return ModelRecord.newBuilder(record()).setStage(Stage.LIVE).setRollbacks(List.of()).setAnsweredBy(null)
                .setPausedFrom(null).build();
    }

    @ParameterizedTest
    @EnumSource
    void whatIsWrittenIsRead(Stage stage) {
        for (ModelRecord each : List.of(record(), plain())) {
            ModelRecord record = ModelRecord.newBuilder(each).setStage(stage).build();
            assertThat(CatalogRecord.decode(KEY, CatalogRecord.encode(record))).isEqualTo(record);
        }
    }

    @Test
    void everyFormatThatWasEverWrittenIsRead() {
        GOLDEN.checkOldTruths();
    }

    @Test
    void theWriterWritesWhatItsNumberMeans() {
        GOLDEN.checkTheWriter();
    }

    @Test
    void aFutureFormatIsRefusedByItsNumber() {
        GOLDEN.checkTheFuture();
    }

    @Test
    void aRecordUnderAnotherModelsKeyIsRefused() {
        byte[] other = "other".getBytes(UTF_8);
        assertThatThrownBy(() -> CatalogRecord.decode(other, CatalogRecord.encode(record())))
                .isInstanceOf(ControlFormatException.class).hasMessageContaining("misplaced");
    }

    @Test
    void aValueThatIsNoneSaysWhatWasExpected() {
        assertThatThrownBy(() -> CatalogRecord.decode(KEY, "{\"model\":\"x\"}".getBytes(UTF_8)))
                .isInstanceOf(ControlFormatException.class)
                .hasMessageContaining("expected to begin with 5447434d (TGCM), found 7b226d6f");
        assertThatThrownBy(() -> CatalogRecord.decode(new byte[]{(byte) 0xff}, new byte[20]))
                .isInstanceOf(ControlFormatException.class)
                .hasMessageContaining("expected a model's name in UTF-8 as key, found the bytes ff");
    }

    @Test
    void onlyALaterFormatOfOursIsANewerBuilds() {
        byte[] future = CatalogRecord.encode(record());
        assertThat(CatalogRecord.isOfNewerBuild(future)).isFalse();
        future[4] = 99;
        assertThat(CatalogRecord.isOfNewerBuild(future)).isTrue();
        assertThat(CatalogRecord.isOfNewerBuild(new byte[]{1, 2})).isFalse();
        assertThat(CatalogRecord.isOfNewerBuild("garbage that is longer".getBytes(UTF_8))).isFalse();
    }

    @Test
    void aDamagedRecordIsReadOrRefused() {
        List<byte[]> good = List.of(CatalogRecord.encode(record()), CatalogRecord.encode(plain()));
        new Fuzz("catalog records", CatalogRecordTest.class, "model", good).repaired((bytes, random) -> forged(bytes))
                .run(100_000, bytes -> assertThat(CatalogRecord.decode(KEY, bytes).getModel()).isEqualTo(MODEL),
                        ControlFormatException.class);
    }

    /// With the magic, the format and a checksum that fit.
    private static byte[] forged(byte[] bytes) {
        byte[] forged = Arrays.copyOf(bytes, Math.max(12, bytes.length));
        System.arraycopy(CatalogRecord.encode(record()), 0, forged, 0, 8);
        CRC32C crc = new CRC32C();
        crc.update(KEY);
        crc.update(forged, 0, forged.length - 4);
        ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN).putInt(forged.length - 4, (int) crc.getValue());
        return forged;
    }
}
