import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScoringSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** From a record to its probabilities, by the scorer and, behind the same featurizer, by ONNX Runtime, in turns. */
public final class RecordSpeed {
    private static final int TURN = 500;

    private static Row row;
    private static Featurizer featurizer;
    private static ScoringSession session;
    private static OrtSession onnx;
    private static FloatBuffer numbers;
    private static LongBuffer ids;
    private static FloatBuffer answer;
    private static final Map<String, OnnxTensor> INPUTS = new HashMap<>();
    private static final Map<String, OnnxTensor> OUTPUTS = new HashMap<>();

    /** @param arguments name, snapshot, ONNX model, records as lines of JSON, seconds */
    public static void main(String[] arguments) throws Exception {
        List<MapEvent> events = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(arguments[3]))) {
            @SuppressWarnings("unchecked")
            Map<String, Object> record = new ObjectMapper().readValue(line, Map.class);
            record.computeIfPresent("pixels", (name, text) -> Base64.getDecoder().decode((String) text));
            events.add(new MapEvent(record));
        }
        Scorer scorer = Scorer.open(Path.of(arguments[1]));
        session = scorer.newSession();
        featurizer = new Featurizer(scorer.current().spec());
        row = featurizer.newRow();
        open(Path.of(arguments[2]), scorer.current().outputs());

        float[] ours = new float[answer.capacity()];
        float[] theirs = new float[answer.capacity()];
        double difference = 0;
        for (MapEvent event : events) {
            session.score(event);
            session.probabilities(ours, 0);
            byOnnx(event);
            answer.get(0, theirs);
            for (int i = 0; i < ours.length; i++) {
                difference = Math.max(difference, Math.abs(ours[i] - theirs[i]));
            }
        }

        long seconds = Math.round(Double.parseDouble(arguments[4]) * 1e9);
        long[][] nanos = new long[2][4_000_000];
        int[] counts = new int[2];
        boolean warm = false;
        for (long start = System.nanoTime();;) {
            for (int side = 0; side < 2; side++) {
                for (int call = 0; call < TURN; call++) {
                    MapEvent event = events.get(call % events.size());
                    long before = System.nanoTime();
                    if (side == 0) {
                        session.score(event);
                    } else {
                        byOnnx(event);
                    }
                    if (counts[side] < nanos[side].length) {
                        nanos[side][counts[side]++] = System.nanoTime() - before;
                    }
                }
            }
            if (System.nanoTime() - start > seconds) {
                if (warm) {
                    break;
                }
                warm = true;
                Arrays.fill(counts, 0);
                start = System.nanoTime();
            }
        }
        System.out.printf("java=%d kernels=%s model=%s tidegrad_p50_ns=%d onnx_runtime_p50_ns=%d difference=%s%n",
                Runtime.version().feature(), Kernels.active().name(), arguments[0], p50(nanos[0], counts[0]),
                p50(nanos[1], counts[1]), difference);
    }

    private static long p50(long[] nanos, int count) {
        Arrays.sort(nanos, 0, count);
        return nanos[count / 2];
    }

    private static void open(Path file, int outputs) throws Exception {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setIntraOpNumThreads(1);
        options.setInterOpNumThreads(1);
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
        onnx = environment.createSession(Files.readAllBytes(file), options);
        numbers = direct(Float.BYTES * row.numbers.length).asFloatBuffer();
        ids = direct(Long.BYTES * row.ids.length).asLongBuffer();
        answer = direct(Float.BYTES * outputs).asFloatBuffer();
        if (row.numbers.length > 0) {
            INPUTS.put("numbers", OnnxTensor.createTensor(environment, numbers, new long[]{1, row.numbers.length}));
        }
        if (row.ids.length > 0) {
            INPUTS.put("ids", OnnxTensor.createTensor(environment, ids, new long[]{1, row.ids.length}));
        }
        OUTPUTS.put("predictions", OnnxTensor.createTensor(environment, answer, new long[]{1, outputs}));
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    private static void byOnnx(MapEvent event) throws Exception {
        featurizer.featurizeForScoring(event, row);
        numbers.put(0, row.numbers);
        for (int i = 0; i < row.ids.length; i++) {
            ids.put(i, row.ids[i]);
        }
        onnx.run(INPUTS, OUTPUTS).close();
    }
}
