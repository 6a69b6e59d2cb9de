package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldSelection;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class FieldValuesTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /// `HostileSchemasTest` found it, with seed 58141508080884: a megabyte of blocks of one record each.
    @Test
    void aListOfRecordsThatIsRefusedLateTakesNoMoreThanItMay() {
        InMemorySchemaRegistry registry = new InMemorySchemaRegistry();
        int id = registry.register("t-value", new Schema.Parser()
                .parse("{\"type\": \"record\", \"name\": \"Top\", \"fields\": [{\"name\": \"tags\", \"type\":"
                        + " {\"type\": \"array\", \"items\": {\"type\": \"record\", \"name\": \"Empty\", \"fields\": []}}}]}"));
        byte[] value = new byte[AvroCodec.HEADER_BYTES + (1 << 20)];
        Arrays.fill(value, (byte) 2);
        ByteBuffer.wrap(value).put((byte) 0).putInt(id);
        AvroCodec codec = new AvroCodec(registry);
        FieldSelection tags = new FieldSelection(List.of(FieldPath.parse("tags")), null);
        FieldValues values = new FieldValues(List.of("tags"));
        values.begin();
        long before = THREADS.getCurrentThreadAllocatedBytes();
        assertThatThrownBy(() -> codec.read(value, tags, values)).isInstanceOf(UndecodableException.class)
                .hasMessageContaining("this one takes more");
        assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).isLessThan(AvroCodec.memoryBound(value.length));
    }
}
