package io.tidegrad.joiner.topology;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.ToIntFunction;
import java.util.zip.CRC32;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlacementTest {
    private static int java(byte[] key, int partitions) {
        return BuiltInPartitioner.partitionForKey(key, partitions);
    }

    /// As librdkafka does by default.
    private static int crc(byte[] key, int partitions) {
        CRC32 crc = new CRC32();
        crc.update(key);
        return (int) (crc.getValue() % partitions);
    }

    private static void see(Placement placement, boolean ofEvents, int records, int partitions,
            ToIntFunction<byte[]> partitioner) {
        for (int i = 0; i < records; i++) {
            byte[] key = ("order-" + i).getBytes(UTF_8);
            placement.saw(ofEvents, key, partitioner.applyAsInt(key), partitions);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 6, 200})
    void aSideThatAnotherPartitionerWroteIsTold(int partitions) {
        for (boolean ofEvents : new boolean[]{true, false}) {
            Placement placement = new Placement();
            see(placement, ofEvents, 500, partitions, key -> crc(key, partitions));
            see(placement, !ofEvents, 49, partitions, key -> java(key, partitions));
            assertThat(placement.differs()).as("too few are known").isNull();
            see(placement, !ofEvents, 1, partitions, key -> java(key, partitions));
            assertThat(placement.differs()).startsWith("both sides have the key @key and are joined partition by"
                    + " partition, but of 500 " + (ofEvents ? "events " : "labels "));
        }
    }

    @Test
    void sidesThatOnePartitionerWroteAreNotTold() {
        for (boolean isJava : new boolean[]{true, false}) {
            Placement placement = new Placement();
            see(placement, true, 500, 6, key -> isJava ? java(key, 6) : crc(key, 6));
            see(placement, false, 500, 6, key -> isJava ? java(key, 6) : crc(key, 6));
            assertThat(placement.differs()).isNull();
        }
        Placement one = new Placement();
        see(one, true, 500, 1, key -> 0);
        see(one, false, 500, 1, key -> 0);
        assertThat(one.differs()).isNull();
    }
}
