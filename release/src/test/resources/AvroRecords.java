import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldSelection;
import io.tidegrad.schemas.FieldSink;
import io.tidegrad.schemas.SchemaRegistry;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;

/** Reads so many records of one schema that the reader makes a class for it, where this Java can. */
public final class AvroRecords {
    private static final int RECORDS = 3_000;

    private static long sum;

    public static void main(String[] arguments) {
        Schema schema = new Schema.Parser().parse("{\"type\": \"record\", \"name\": \"Reading\", \"fields\": ["
                + "{\"name\": \"place\", \"type\": \"string\"}, {\"name\": \"value\", \"type\": \"long\"}]}");
        FieldSink sink = (FieldSink) Proxy.newProxyInstance(FieldSink.class.getClassLoader(),
                new Class<?>[]{FieldSink.class}, (proxy, method, values) -> {
                    if (method.getName().equals("whole")) {
                        sum += (long) values[1];
                    }
                    return null;
                });
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", "mock://records"))) {
            int id = registry.register("records-value", schema);
            AvroCodec codec = new AvroCodec(registry);
            FieldSelection fields = new FieldSelection(List.of(FieldPath.parsedOrName("value")), null);
            for (int i = 1; i <= RECORDS; i++) {
                GenericData.Record record = new GenericData.Record(schema);
                record.put("place", "here");
                record.put("value", (long) i);
                codec.read(codec.encode(id, record), fields, sink);
            }
        }
        System.out.println("sum " + sum);
    }
}
