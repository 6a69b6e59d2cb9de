package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.process.StopException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

class StoreRecordsTest {
    private static final int EPOCH = 3;

    private final byte[] key = StoreRecords.key(StoreRecords.PAGE, 7);
    private final byte[] payload = payload(200);
    private final byte[] value = StoreRecords.sealed(key, EPOCH, payload);

    private static byte[] payload(int length) {
        byte[] payload = new byte[length];
        new Random(1).nextBytes(payload);
        return payload;
    }

    @Test
    void whatWasSealedIsReadBack() {
        StoreRecords.verify(key, EPOCH, value);
        assertThat(StoreRecords.payload(value)).isEqualTo(payload);
        assertThat(StoreRecords.kind(key)).isEqualTo(StoreRecords.PAGE);
        assertThat(StoreRecords.number(key)).isEqualTo(7);
    }

    @Test
    void everyFlippedBitIsNoticed() {
        for (int bit = 0; bit < 8 * value.length; bit++) {
            byte[] flipped = value.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            assertThatThrownBy(() -> StoreRecords.verify(key, EPOCH, flipped)).as("bit %d", bit)
                    .isInstanceOfAny(DamagedException.class, StopException.class);
        }
    }

    @Test
    void everyTruncationIsNoticed() {
        for (int length = 0; length < value.length; length++) {
            byte[] truncated = Arrays.copyOf(value, length);
            assertThatThrownBy(() -> StoreRecords.verify(key, EPOCH, truncated)).as("%d bytes", length)
                    .isInstanceOf(DamagedException.class);
        }
    }

    @Test
    void aPageInAnothersPlaceAndAPageOfAnotherEpochAreNoticed() {
        byte[] otherPage = StoreRecords.key(StoreRecords.PAGE, 8);
        assertThatThrownBy(() -> StoreRecords.verify(otherPage, EPOCH, value)).hasMessageContaining("page 8");
        assertThatThrownBy(() -> StoreRecords.verify(key, EPOCH + 1, value)).hasMessageContaining("epoch 4");
    }

    @Test
    void aFutureFormatIsRefusedByItsNumber() {
        byte[] future = value.clone();
        ByteBuffer.wrap(future).order(ByteOrder.LITTLE_ENDIAN).putInt(0, 9);
        assertThatThrownBy(() -> StoreRecords.verify(key, EPOCH, future)).hasMessageContaining("format 9")
                .hasMessageContaining("reads " + StoreRecords.FORMAT);
    }

    @Test
    void aManifestIsReadBackAndAShortOrLongOneRefused() {
        StoreManifest manifest = new StoreManifest(payload(32), 1, EPOCH, Uuid.randomUuid(), 100, 90, 95,
                new Accounts(96, 3, 1), 1_700_000_000_000L, 12, payload(32), 1_000, -5, 17, StoreKind.IMAGE_AND_REDO,
                new StoreBase(1, 4, 60, 50, 55, new Accounts(56, 2, 1), 1_600_000_000_000L, payload(32), 900, -7), 98,
                1.5e6, 3, -9,
                List.of(new RetainedSnapshot(80, -1, 1, 700, 5, true), new RetainedSnapshot(90, 80, 2, 800, 6, false)));
        byte[] bytes = manifest.encode();
        assertThat(StoreManifest.decode(bytes)).usingRecursiveComparison().isEqualTo(manifest);
        for (int length = 0; length < bytes.length; length++) {
            byte[] truncated = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> StoreManifest.decode(truncated)).isInstanceOf(DamagedException.class);
        }
        assertThatThrownBy(() -> StoreManifest.decode(Arrays.copyOf(bytes, bytes.length + 1)))
                .isInstanceOf(DamagedException.class);
    }

    @Test
    void carriesOfOneLengthHaveChecksumsOfTheirOwn() {
        byte[] one = endingInItsChecksum(1);
        byte[] other = endingInItsChecksum(2);
        assertThat(Restoration.carryChecksum(one)).isNotEqualTo(Restoration.carryChecksum(other));
        assertThat(List.of(Restoration.checksum(one), Restoration.checksum(other))).containsOnly(Restoration.ANY_CARRY);
    }

    private static byte[] endingInItsChecksum(int seed) {
        byte[] bytes = new byte[100];
        new Random(seed).nextBytes(bytes);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(96, Restoration.carryChecksum(bytes));
        return bytes;
    }
}
