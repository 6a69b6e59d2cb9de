package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.streams.Digit;
import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.Quarantine;
import io.tidegrad.proof.LongProof;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.generic.IndexedRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A reader of `docs/numerics.md` computes the hashes of both shipped models and of a recipe. It is written from that page and
/// uses no class of the engine or the model: where the two differ, the page is wrong, or bits have changed.
class NumericsDocumentTest {
    @Test
    @LongProof("300,000 events, learned twice")
    void aReaderOfTheDocumentComputesTheHashesOfTheFlightsInIt() throws Exception {
        Reader.Hashes hashes = Reader.flights(ShippedStream.FLIGHTS.read(), Quarantine.NONE, new Reactions(0, 1, 0));
        assertThat(hashes).isEqualTo(learned(ShippedStream.FLIGHTS));
        assertThat(Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/numerics.md")))
                .contains(hashes.weights.substring(0, 16), hashes.state.substring(0, 16));
    }

    @Test
    void aReaderOfTheDocumentComputesTheHashesOfFlightsWithQuarantine() throws Exception {
        List<StreamEvent> events = ShippedStream.FLIGHTS.read().subList(0, 20_000);
        String yaml = ShippedStream.FLIGHTS.spec() + "quarantine: { loss: 2, gradient: 1.7 }\n";
        ModelSpec spec = ModelSpec.parse(yaml, "flights with quarantine");
        OnlineModel model = learned(spec, ShippedStream.FLIGHTS, events);
        assertThat(model.quarantined()).isBetween(1_000L, 10_000L);
        assertThat(Reader.flights(events, spec.quarantine(), new Reactions(0, 1, 0))).isEqualTo(hashes(model));
    }

    /// Twice labels say nothing for a while.
    @Test
    void aReaderOfTheDocumentComputesTheHashesOfFlightsWithReactions() throws Exception {
        List<StreamEvent> events = new ArrayList<>(ShippedStream.FLIGHTS.read().subList(0, 38_000));
        SplittableRandom random = new SplittableRandom(1);
        for (int from : new int[]{22_000, 32_000}) {
            events.subList(from, from + 4_000).replaceAll(event -> {
                Flight of = (Flight) event;
                return new Flight(of.departed(), of.distance(), of.origin(), of.destination(), random.nextBoolean());
            });
        }
        String yaml = ShippedStream.FLIGHTS.spec()
                + "on-change: { false-alarms-every: 20000, raise-rate: { by: 3, for: 2000 } }\n";
        OnlineModel model = learned(ModelSpec.parse(yaml, "flights with reactions"), ShippedStream.FLIGHTS, events);
        assertThat(model.reactions()).isEqualTo(2);
        assertThat(Reader.flights(events, Quarantine.NONE, new Reactions(20_000, 3, 2_000))).isEqualTo(hashes(model));
    }

    @LongProof("all of the digits, computed plainly")
    @Test
    void aReaderOfTheDocumentComputesTheHashesOfTheDigits() throws Exception {
        assertThat(Reader.digits(ShippedStream.DIGITS.read())).isEqualTo(learned(ShippedStream.DIGITS));
    }

    /// Some flights have no distance, some a far larger one, and from half on kinds change so often that a member starts again.
    @ParameterizedTest
    @CsvSource({"LATE, auto, 3001", "KIND, auto, 3001", "MILES, auto, 3001", "KIND, rich, 3001", "MILES, rich, 3003"})
    void aReaderOfTheDocumentComputesTheHashesOfARecipe(Recipe.Label label, String recipe, int rowCount)
            throws Exception {
        List<StreamEvent> flights = ShippedStream.FLIGHTS.read().subList(0, rowCount);
        Recipe reader = new Recipe(label, recipe);
        ModelSpec spec =
                ModelSpec.parse(reader.canonical().replace("loss: categorical-cross-entropy\n", ""), label.name());
        List<IndexedRecord> events = new ArrayList<>();
        List<Recipe.Row> rows = new ArrayList<>();
        for (int i = 0; i < flights.size(); i++) {
            Recipe.Row row = Recipe.Row.of((Flight) flights.get(i), i);
            rows.add(row);
            events.add(row.toAvro());
        }
        OnlineModel model = learned(spec, events);
        assertThat(reader.hashes(rows)).isEqualTo(hashes(model));
        assertThat(model.quarantined()).isPositive();
        assertThat(reader.bounded).isGreaterThan(100);
        assertThat(reader.bent).isGreaterThan(100);
        assertThat(reader.restarts() > 0).isEqualTo(label == Recipe.Label.KIND);
        assertThat(reader.merged() > 100).isEqualTo(recipe.equals("rich"));
        assertThat(reader.forgotten() > 100).isEqualTo(rowCount > 12_000);
    }

    @LongProof("12,001 rows, so that reactions are forgotten")
    @Test
    void aReaderOfTheDocumentComputesTheHashesOfARecipeThatForgets() throws Exception {
        aReaderOfTheDocumentComputesTheHashesOfARecipe(Recipe.Label.LATE, "rich", 12_001);
    }

    private static Reader.Hashes learned(ShippedStream stream) {
        return hashes(learned(ModelSpec.parse(stream.spec(), stream.specFile()), stream, stream.read()));
    }

    private static Reader.Hashes hashes(OnlineModel model) {
        return new Reader.Hashes(model.weightsHash(), model.stateHash());
    }

    private static OnlineModel learned(ModelSpec spec, ShippedStream stream, List<StreamEvent> events) {
        var schema = stream.schema();
        return learned(spec, events.stream().<IndexedRecord>map(event -> event.toAvro(schema)).toList());
    }

    private static OnlineModel learned(ModelSpec spec, List<IndexedRecord> events) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        AvroEvent event = new AvroEvent();
        for (IndexedRecord record : events) {
            assertThat(featurizer.featurize(event.of(record), row)).isNull();
            assertThat(model.accept(row) == null || spec.quarantine().judges()).isTrue();
        }
        return model;
    }

    /// What `docs/numerics.md` says, section by section, as far as the two models need it. Plain and slow.
    private static final class Reader {
        private static final int NUMERICS = 2;
        private static final int SEED = 42;
        private static final int LEAF = 65_536;
        private static final float F = 1e-24f;

        record Hashes(String weights, String state) {
        }

        /// A tensor of weights, row-major, and for each of them the parts of its state.
        private record Tensor(int rows, int columns, float[] w, float[][] state) {
            static Tensor of(int rows, int columns, int stateParts) {
                return new Tensor(rows, columns, new float[rows * columns], new float[stateParts][rows * columns]);
            }

            Tensor drawn(int number, float bound) {
                return drawn(number, 0, bound);
            }

            Tensor drawn(int number, int restart, float bound) {
                for (int k = 0; k < w.length; k++) {
                    float u = (philox(k, number, restart) >>> 8) * 0x1p-24f;
                    w[k] = bound * (2 * u - 1);
                }
                return this;
            }

            void drawnNormal(int number, int restart, float deviation) {
                for (int k = 0; k < w.length; k++) {
                    w[k] = deviation * (float) normal((philox(k, number, restart) + 0.5) * 0x1p-32);
                }
            }
        }

        @FunctionalInterface
        private interface Optimizer {
            void update(Tensor tensor, int k, float g);
        }

        static Hashes flights(List<StreamEvent> events, Quarantine quarantine, Reactions reactions) throws IOException {
            int dimension = 8;
            int[] buckets = {24 + 1, 7 + 1, 512, 512, 8_192};
            double[] statistics = new double[3];
            Tensor[] tables = new Tensor[buckets.length];
            for (int t = 0; t < tables.length; t++) {
                tables[t] = Tensor.of(buckets[t], dimension, 0).drawn(1 + t, 0.05f);
            }
            int inputs = 1 + tables.length * dimension;
            Tensor w1 = Tensor.of(inputs, 64, 0).drawn(6, (float) Math.sqrt(6.0 / inputs));
            Tensor b1 = Tensor.of(1, 64, 0);
            Tensor w2 = Tensor.of(64, 1, 0).drawn(8, (float) Math.sqrt(6.0 / (64 + 1)));
            Tensor b2 = Tensor.of(1, 1, 0);
            int learned = 0;
            for (StreamEvent event : events) {
                Flight flight = (Flight) event;
                long hours = flight.departed() / 3_600_000;
                byte[] origin = ("origin=" + flight.origin()).getBytes(StandardCharsets.UTF_8);
                byte[] destination = ("destination=" + flight.destination()).getBytes(StandardCharsets.UTF_8);
                byte[] both = concat(origin, new byte[]{(byte) 0xff}, destination);
                int[] ids = {(int) (hours % 24), (int) ((hours / 24 + 3) % 7),
                    Integer.remainderUnsigned(murmur3(origin), 512),
                    Integer.remainderUnsigned(murmur3(destination), 512),
                    Integer.remainderUnsigned(murmur3(both), 8_192)};
                float[] x = new float[inputs];
                x[0] = standardised(flight.distance(), statistics);
                for (int t = 0; t < tables.length; t++) {
                    System.arraycopy(tables[t].w, ids[t] * dimension, x, 1 + t * dimension, dimension);
                }
                float[] h = dense(x, w1, b1);
                float[] r = relu(h);
                float z = dense(r, w2, b2)[0];
                int y = flight.late() ? 1 : 0;
                float[] dz = {1f / (1f + exp(-z)) - y};
                float[] dh = reluGradient(r, denseGradient(dz, w2));
                float[] dx = denseGradient(dh, w1);
                double loss = Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)));
                double norm = Math.sqrt(
                        squares(dz, 0) * (1 + squares(r, 0)) + squares(dh, 0) * (1 + squares(x, 0)) + squares(dx, 1));
                if (loss > quarantine.loss() || norm > quarantine.gradient()) {
                    continue;
                }
                float rate = (float) (reactions.isRaised(learned) ? reactions.by * 0.03 : 0.03);
                Optimizer sgd = (tensor, k, g) -> tensor.w[k] = Math.fma(-rate, g, tensor.w[k]);
                learned++;
                reactions.learned(Math.abs(y - 1f / (1f + exp(-z))), learned);
                learn(r, dz, w2, b2, sgd);
                learn(x, dh, w1, b1, sgd);
                for (int t = 0; t < tables.length; t++) {
                    for (int c = 0; c < dimension; c++) {
                        sgd.update(tables[t], ids[t] * dimension + c, dx[1 + t * dimension + c]);
                    }
                }
                learn(flight.distance(), statistics);
            }
            String canonical = """
                    model: "flight-delay"
                    input: {topic: "flights", event-time: "departed"}
                    label: {field: "late"}
                    features:
                    - number: {field: "distance", scale: standard}
                    - time-part: {field: "departed", parts: [hour, weekday], dimension: 8}
                    - category: {field: "origin", buckets: 512, dimension: 8}
                    - category: {field: "destination", buckets: 512, dimension: 8}
                    - cross: {fields: ["origin", "destination"], buckets: 8192, dimension: 8}
                    network: [dense: 64, relu, dense: 1]
                    loss: binary-cross-entropy
                    optimizer: {sgd: {rate: 0.03}}
                    seed: 42
                    """;
            if (quarantine.judges()) {
                canonical = canonical.replace("seed", "quarantine: {loss: 2, gradient: 1.7}\nseed");
            }
            if (reactions.every > 0) {
                canonical = canonical.replace("seed",
                        "on-change: {false-alarms-every: 20000, raise-rate: {by: 3, for: 2000}}\nseed");
            }
            return hashes(canonical, learned, learned, statistics,
                    List.of(tables[0], tables[1], tables[2], tables[3], tables[4], w1, b1, w2, b2));
        }

        static Hashes digits(List<StreamEvent> events) throws IOException {
            Tensor w1 = Tensor.of(784, 10, 2).drawn(0, (float) Math.sqrt(6.0 / 784));
            Tensor b1 = Tensor.of(1, 10, 2);
            Tensor w2 = Tensor.of(10, 10, 2).drawn(2, (float) Math.sqrt(6.0 / (10 + 10)));
            Tensor b2 = Tensor.of(1, 10, 2);
            for (int step = 1; step <= events.size(); step++) {
                Digit digit = (Digit) events.get(step - 1);
                float[] x = new float[784];
                for (int i = 0; i < x.length; i++) {
                    x[i] = (float) (Byte.toUnsignedInt(digit.pixels()[i]) / 255.0);
                }
                float[] r = relu(dense(x, w1, b1));
                float[] dz = softmax(dense(r, w2, b2));
                dz[digit.digit()] -= 1;
                float[] dh = reluGradient(r, denseGradient(dz, w2));
                Optimizer adam = adam(step);
                learn(r, dz, w2, b2, adam);
                learn(x, dh, w1, b1, adam);
            }
            String canonical = """
                    model: "digits"
                    input: {topic: "digits"}
                    label: {field: "digit"}
                    features:
                    - pixels: {field: "pixels", width: 28, height: 28}
                    network: [dense: 10, relu, dense: 10, softmax]
                    loss: categorical-cross-entropy
                    optimizer: adam
                    seed: 42
                    """;
            return hashes(canonical, events.size(), events.size(), new double[0], List.of(w1, b1, w2, b2));
        }

        private static double squares(float[] values, int from) {
            double sum = 0;
            for (int i = from; i < values.length; i++) {
                sum += (double) values[i] * values[i];
            }
            return sum;
        }

        // ---- The hashes ----

        private static Hashes hashes(String canonical, long updates, long examples, double[] statistics,
                List<Tensor> tensors) throws IOException {
            ByteArrayOutputStream served = new ByteArrayOutputStream();
            ByteArrayOutputStream optimizer = new ByteArrayOutputStream();
            for (double value : statistics) {
                served.write(littleEndian(8).putDouble(value).array());
            }
            for (Tensor tensor : tensors) {
                for (int row = 0; row < tensor.rows; row++) {
                    write(tensor.w, row * tensor.columns, tensor.columns, served);
                    for (float[] part : tensor.state) {
                        write(part, row * tensor.columns, tensor.columns, optimizer);
                    }
                }
            }
            byte[] fingerprint = sha256(canonical.getBytes(StandardCharsets.UTF_8));
            byte[] weights = sha256(concat("tidegrad weights".getBytes(StandardCharsets.US_ASCII),
                    littleEndian(4).putInt(fingerprint.length).array(), fingerprint,
                    littleEndian(4).putInt(NUMERICS).array(),
                    littleEndian(16).putLong(updates).putLong(examples).array(),
                    littleEndian(8).putLong(served.size()).array(), leaves(served.toByteArray())));
            byte[] noPendingRows = new byte[4];
            byte[] state = sha256(concat("tidegrad state  ".getBytes(StandardCharsets.US_ASCII), weights,
                    littleEndian(8).putLong(optimizer.size()).array(), leaves(optimizer.toByteArray()),
                    littleEndian(8).putLong(noPendingRows.length).array(), noPendingRows));
            return new Hashes(HexFormat.of().formatHex(weights), HexFormat.of().formatHex(state));
        }

        private static void write(float[] values, int from, int count, ByteArrayOutputStream to) throws IOException {
            ByteBuffer bytes = littleEndian(4 * count);
            for (int i = from; i < from + count; i++) {
                bytes.putFloat(values[i]);
            }
            to.write(bytes.array());
        }

        private static byte[] leaves(byte[] stream) {
            byte[] hashes = {};
            for (int at = 0; at < stream.length; at += LEAF) {
                byte[] leaf = ByteBuffer.allocate(Math.min(LEAF, stream.length - at))
                        .put(stream, at, Math.min(LEAF, stream.length - at)).array();
                hashes = concat(hashes, sha256(leaf));
            }
            return hashes;
        }

        private static ByteBuffer littleEndian(int bytes) {
            return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
        }

        private static byte[] concat(byte[]... parts) {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (byte[] part : parts) {
                all.writeBytes(part);
            }
            return all.toByteArray();
        }

        private static byte[] sha256(byte[] bytes) {
            try {
                return MessageDigest.getInstance("SHA-256").digest(bytes);
            } catch (java.security.NoSuchAlgorithmException everyJdkHasIt) {
                throw new IllegalStateException(everyJdkHasIt);
            }
        }

        // ---- From a record to a row; Tensors ----

        private static int murmur3(byte[] text) {
            int h = 0;
            int tail = text.length & ~3;
            for (int i = 0; i < tail; i += 4) {
                h ^= scramble(ByteBuffer.wrap(text).order(ByteOrder.LITTLE_ENDIAN).getInt(i));
                h = Integer.rotateLeft(h, 13) * 5 + 0xe6546b64;
            }
            int rest = 0;
            for (int i = text.length - 1; i >= tail; i--) {
                rest = rest << 8 | text[i] & 0xff;
            }
            h ^= scramble(rest) ^ text.length;
            h = (h ^ h >>> 16) * 0x85ebca6b;
            h = (h ^ h >>> 13) * 0xc2b2ae35;
            return h ^ h >>> 16;
        }

        private static int scramble(int k) {
            return Integer.rotateLeft(k * 0xcc9e2d51, 15) * 0x1b873593;
        }

        private static int philox(int k, int tensor, int restart) {
            int[] c = {k / 4, tensor, restart, 0};
            int k0 = SEED;
            int k1 = 0;
            for (int round = 0; round < 10; round++) {
                long p = 0xD2511F53L * Integer.toUnsignedLong(c[0]);
                long q = 0xCD9E8D57L * Integer.toUnsignedLong(c[2]);
                c = new int[]{(int) (q >>> 32) ^ c[1] ^ k0, (int) q, (int) (p >>> 32) ^ c[3] ^ k1, (int) p};
                k0 += 0x9E3779B9;
                k1 += 0xBB67AE85;
            }
            return c[k % 4];
        }

        private static double normal(double q) {
            if (Math.abs(q) <= 0.425) {
                double r = 0.180625 - q * q;
                return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
                        / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1);
            }
            double r = Math.sqrt(-log((float) (0.5 - Math.abs(q))));
            double v = r - (r <= 5 ? 1.6 : 5);
            double size = r <= 5
                    ? (((0.17023821103 * v + 1.3067284816) * v + 2.7568153900) * v + 1.4234372777)
                            / ((0.12021132975 * v + 0.73700164250) * v + 1)
                    : (((0.017337203997 * v + 0.42868294337) * v + 3.0812263860) * v + 6.6579051150)
                            / ((0.012258202635 * v + 0.24197894225) * v + 1);
            return q < 0 ? -size : size;
        }

        // ---- Layers ----

        private static float standardised(double x, double[] statistics) {
            double deviation = statistics[0] < 2 ? 0 : Math.sqrt(statistics[2] / statistics[0]);
            double limit = Math.sqrt(statistics[0]);
            double y = deviation > 0 ? (x - statistics[1]) / deviation : 0;
            return (float) Math.max(-limit, Math.min(limit, y));
        }

        private static void learn(double x, double[] statistics) {
            statistics[0]++;
            double before = x - statistics[1];
            statistics[1] += before / statistics[0];
            statistics[2] += before * (x - statistics[1]);
        }

        private static float[] dense(float[] x, Tensor w, Tensor b) {
            float[] y = new float[w.columns];
            for (int o = 0; o < y.length; o++) {
                if (w.columns <= 32 && w.rows >= 64) {
                    y[o] = b.w[o] + sumInLanes(x, w.w, o, w.columns);
                } else {
                    float sum = b.w[o];
                    for (int i = 0; i < w.rows; i++) {
                        sum = Math.fma(x[i], w.w[i * w.columns + o], sum);
                    }
                    y[o] = sum;
                }
            }
            return y;
        }

        /// Of the one line that a mini-batch of one row has.
        private static float[] denseGradient(float[] dy, Tensor w) {
            float[] dx = new float[w.rows];
            for (int i = 0; i < dx.length; i++) {
                dx[i] = sumInLanes(dy, w.w, i * w.columns, 1);
            }
            return dx;
        }

        private static float sumInLanes(float[] a, float[] b, int at, int step) {
            float[] lanes = new float[16];
            for (int i = 0; i < a.length; i++) {
                lanes[i % 16] = Math.fma(a[i], b[at + i * step], lanes[i % 16]);
            }
            for (int half = 8; half > 0; half /= 2) {
                for (int l = 0; l < half; l++) {
                    lanes[l] += lanes[l + half];
                }
            }
            return lanes[0];
        }

        private static void learn(float[] x, float[] dy, Tensor w, Tensor b, Optimizer optimizer) {
            for (int i = 0; i < x.length; i++) {
                for (int o = 0; o < dy.length; o++) {
                    optimizer.update(w, i * dy.length + o, Math.fma(x[i], dy[o], 0f));
                }
            }
            for (int o = 0; o < dy.length; o++) {
                optimizer.update(b, o, dy[o]);
            }
        }

        private static float[] relu(float[] x) {
            float[] y = x.clone();
            for (int i = 0; i < y.length; i++) {
                y[i] = Math.max(x[i], 0f);
            }
            return y;
        }

        private static float[] reluGradient(float[] y, float[] dy) {
            float[] dx = dy.clone();
            for (int i = 0; i < dx.length; i++) {
                dx[i] = y[i] > 0 ? dy[i] : 0f;
            }
            return dx;
        }

        private static float[] softmax(float[] z) {
            float max = z[0];
            for (float value : z) {
                max = Math.max(max, value);
            }
            float[] p = new float[z.length];
            float sum = 0;
            for (int k = 0; k < p.length; k++) {
                p[k] = exp(z[k] - max);
                sum += p[k];
            }
            for (int k = 0; k < p.length; k++) {
                p[k] /= sum;
            }
            return p;
        }

        // ---- Optimizers ----

        private static Optimizer adam(int step) {
            float c1 = (float) (1 / (1 - power(0.9, step)));
            float c2 = (float) (1 / (1 - power(0.999, step)));
            float rest1 = (float) (1 - 0.9);
            float rest2 = (float) (1 - 0.999);
            return (tensor, k, g) -> {
                float m = Math.fma(rest1, g, Math.fma(0.9f, tensor.state[0][k], F)) - F;
                float v = Math.fma(rest2 * g, g, Math.fma(0.999f, tensor.state[1][k], F)) - F;
                tensor.w[k] -= 0.001f * c1 * m / ((float) Math.sqrt(v * c2) + 1e-8f);
                tensor.state[0][k] = m;
                tensor.state[1][k] = v;
            };
        }

        private static double power(double base, int exponent) {
            double result = 1;
            double square = base;
            for (int rest = exponent; rest > 0; rest >>= 1) {
                result = (rest & 1) == 0 ? result : result * square;
                square *= square;
            }
            return result;
        }

        // ---- Functions ----

        private static float exp(float x) {
            if (x < -87.33f) {
                return 0f;
            }
            if (x > 88.37f) {
                return Float.POSITIVE_INFINITY;
            }
            float j = Math.fma(x, 1.44269504088896341f, 12582912f);
            float n = j - 12582912f;
            float r = Math.fma(n, 2.12194440e-4f, Math.fma(n, -0.693359375f, x));
            float p = Math.fma(r, 1.9875691500e-4f, 1.3981999507e-3f);
            for (float c : new float[]{8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f}) {
                p = Math.fma(p, r, c);
            }
            return (Math.fma(p, r * r, r) + 1f) * Math.scalb(1f, (int) n);
        }

        private static float log(float x) {
            int e = Math.getExponent(x) + 1;
            float m = Math.scalb(x, -e);
            if (m < 0.707106781186547524f) {
                e--;
                m += m;
            }
            float r = m - 1;
            float y = r * r;
            float p = 7.0376836292e-2f;
            for (float c : new float[]{-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f}) {
                p = Math.fma(p, r, c);
            }
            return Math.fma((float) e, 0.693359375f,
                    r + Math.fma(-0.5f, y, Math.fma((float) e, -2.12194440e-4f, p * r * y)));
        }

        private static float log1p(float x) {
            float u = 1 + x;
            return u == 1 ? x : log(u) * (x / (u - 1));
        }
    }

    /// What the page says of `recipe: auto` and `rich`, for one set of features and a label of each kind.
    private static final class Recipe {
        /// What is learned of a flight, in mini-batches of `batch` rows, by how many outputs.
        private enum Label {
            LATE("{field: \"late\"}", "binary-cross-entropy", 1, 1, 2),
            KIND("{field: \"kind\", classes: [\"a\", \"b\", \"c\"]}", "categorical-cross-entropy", 1, 3, 4),
            MILES("{field: \"miles\"}", "mean-squared-error", 3, 1, 2_000_000);

            private final String key;
            private final String loss;
            private final int batch;
            private final int outputs;
            private final int quarantine; // the largest loss of a row that is learned

            Label(String key, String loss, int batch, int outputs, int quarantine) {
                this.key = key;
                this.loss = loss;
                this.batch = batch;
                this.outputs = outputs;
                this.quarantine = quarantine;
            }
        }

        /// @param distance NaN where it is missing
        private record Row(long departed, double distance, String origin, List<String> tags, boolean late, String kind,
                double miles, float weight) {
            private static final Schema SCHEMA = new Schema.Parser().parse("""
                    {"type": "record", "name": "Flight", "fields": [
                      {"name": "departed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                      {"name": "distance", "type": ["null", "double"]},
                      {"name": "origin", "type": "string"},
                      {"name": "tags", "type": {"type": "array", "items": "string"}},
                      {"name": "late", "type": "boolean"},
                      {"name": "kind", "type": "string"},
                      {"name": "miles", "type": "double"}, {"name": "weight", "type": "double"}]}""");

            static Row of(Flight flight, int i) {
                int turn = i >= 1_500 && i % 60 < 30 ? 1 : 0;
                String letters = flight.origin() + flight.destination();
                return new Row(flight.departed(),
                        i % 7 == 0 ? Double.NaN : flight.distance() * (i % 50 == 1 ? 100.0 : 1.0), flight.origin(),
                        List.of(letters.split("")).subList(0, i % 7), flight.late(),
                        "abc".charAt((letters.charAt(0) + turn) % 3) + "", flight.distance(), i % 3 == 0 ? 0.3f : 1.7f);
            }

            IndexedRecord toAvro() {
                return new GenericRecordBuilder(SCHEMA).set("departed", departed)
                        .set("distance", Double.isNaN(distance) ? null : distance).set("origin", origin)
                        .set("tags", tags).set("late", late).set("kind", kind).set("miles", miles)
                        .set("weight", (double) weight).build();
            }

            int label(Label of) {
                return switch (of) {
                    case LATE -> late ? 1 : 0;
                    case KIND -> "abc".indexOf(kind);
                    case MILES -> (int) miles;
                };
            }

            /// sin, cos, distance, whether that is missing
            float[] numbers() {
                double a = 2 * Math.PI * (departed / 3_600_000 % 24 / 24.0);
                return new float[]{(float) StrictMath.sin(a), (float) StrictMath.cos(a),
                    Double.isNaN(distance) ? 0 : (float) distance, Double.isNaN(distance) ? 1 : 0};
            }

            /// Those of each part: hour, weekday, origin, tags.
            int[][] ids() {
                long hours = departed / 3_600_000;
                return new int[][]{{(int) (hours % 24)}, {(int) ((hours / 24 + 3) % 7)},
                    {bucket("origin=" + origin, 128)},
                    tags.stream().mapToInt(tag -> bucket("tags=" + tag, 64)).toArray()};
            }

            private static int bucket(String text, int buckets) {
                return Integer.remainderUnsigned(Reader.murmur3(text.getBytes(StandardCharsets.UTF_8)), buckets);
            }
        }

        private static final int[] TABLES = {25, 8, 128, 64}; // rows; the last one is a bag's
        private static final int[] DIMENSIONS = {8, 8, 8, 16};
        private static final int VALUES = 3;
        private static final int NUMBERS = 4;
        private static final int HIDDEN = 64;

        private final Label label;
        private final String recipe;
        private final double[][] scale = new double[VALUES][8];
        private final List<Member> members = new ArrayList<>();
        private final double[] mixture;
        private int updates;
        private int bounded;
        private int bent;

        Recipe(Label label, String recipe) {
            this.label = label;
            this.recipe = recipe;
            members.add(new Member(2, false, 0.02 * 1, 0.02 * 0.05, 0.003, null));
            members.add(new Member(10, false, 0.02 * 1, 0.02 * 0.5, 0.003, null));
            members.add(new Member(18, true, 0.02 * 0.5, 0.02 * 0.015, 0, null));
            if (isOfClasses()) {
                members.add(new Member(24, false, 0.02 * 1, 0.02 * 0.05, 0.003, null));
            }
            if (recipe.equals("rich")) {
                members.add(new Member(isOfClasses() ? 32 : 24, false, 0.02 * 1, 0.02 * 0.05, 0.003, new Quantiles()));
            }
            mixture = new double[isOfClasses() ? 2 * members.size() + 8 : members.size() + 4];
        }

        private boolean isOfClasses() {
            return label != Label.MILES;
        }

        String canonical() {
            String text = """
                    model: "recipe"
                    input: {topic: "flights"}
                    label: %s
                    weight: {field: "weight"}
                    features:
                    - number: {field: "distance", scale: standard, missing: indicator}
                    - cyclic: {field: "departed", part: hour}
                    - time-part: {field: "departed", parts: [hour, weekday]}
                    - category: {field: "origin", buckets: 128, dimension: 8}
                    - bag: {field: "tags", count: 6, buckets: 64, dimension: 4}
                    recipe: %s
                    loss: %s
                    quarantine: {loss: %s}
                    seed: 42
                    """.formatted(label.key, recipe, label.loss, label.quarantine);
            return label.batch == 1 ? text : text.replace("seed", "mini-batch: {size: " + label.batch + "}\nseed");
        }

        int restarts() {
            return isOfClasses() ? (int) mixture[mixture.length - 2] : 0;
        }

        int merged() {
            return quantiles().mapToInt(each -> each.merged).sum();
        }

        int forgotten() {
            return quantiles().mapToInt(each -> each.forgotten).sum();
        }

        private Stream<Quantiles> quantiles() {
            return members.stream().flatMap(member -> Stream.ofNullable(member.quantiles));
        }

        Reader.Hashes hashes(List<Row> rows) throws IOException {
            List<Row> open = new ArrayList<>();
            for (Row row : rows) {
                if (!(mixed(List.of(row)).getFirst().loss(row.label(label)) > label.quarantine)) {
                    open.add(row);
                    if (open.size() == label.batch) {
                        learn(open);
                        open.clear();
                    }
                }
            }
            assertThat(open).isEmpty();
            List<double[]> statistics = new ArrayList<>(List.of(scale));
            statistics.add(mixture);
            quantiles().forEach(each -> statistics.add(each.statistics()));
            return Reader.hashes(canonical(), updates, updates * label.batch,
                    statistics.stream().flatMapToDouble(Arrays::stream).toArray(),
                    members.stream().flatMap(member -> member.tensors.stream()).toList());
        }

        private List<Mixed> mixed(List<Row> rows) {
            float[][] x = rows.stream().map(row -> scaled(row.numbers())).toArray(float[][]::new);
            float[][][] z = members.stream().map(member -> member.forward(x, rows)).toArray(float[][][]::new);
            return IntStream.range(0, rows.size()).mapToObj(row -> new Mixed(row, z)).toList();
        }

        private void learn(List<Row> rows) {
            List<Mixed> mixed = mixed(rows);
            int restarts = restarts();
            double since = mixture[mixture.length - 1];
            updates++;
            for (int m = 0; m < members.size(); m++) {
                float[][] dz = new float[rows.size()][];
                for (int row = 0; row < dz.length; row++) {
                    dz[row] = mixed.get(row).slope(m, rows.get(row).label(label), rows.get(row).weight);
                }
                members.get(m).learn(dz, m == 3 && isOfClasses() ? updates - (int) since : updates);
            }
            for (int row = 0; row < rows.size(); row++) {
                mixed.get(row).learn(rows.get(row).label(label), Math.min(1, rows.get(row).weight));
                float[] numbers = rows.get(row).numbers();
                for (int i = 0; i < VALUES; i++) {
                    if (i < 2 || numbers[VALUES] == 0) {
                        learnScale(scale[i], numbers[i]);
                    }
                }
                quantiles().forEach(each -> each.learn(numbers[2]));
            }
            if (restarts() > restarts) {
                members.get(3).start(restarts());
            }
        }

        // ---- Running scale: n, μ, V, δ, k, h, μ', V' ----

        private float[] scaled(float[] x) {
            float[] y = x.clone();
            for (int i = 0; i < VALUES; i++) {
                double[] s = scale[i];
                if (i == 2 && x[VALUES] != 0 || s[0] < 2 || s[2] == 0) {
                    y[i] = 0;
                    continue;
                }
                boolean isBent = s[3] < 0.5 * Math.sqrt(s[2]) && s[7] > 0;
                bent += isBent ? 1 : 0;
                double value = isBent ? (bent(x[i], s[5]) - s[6]) / Math.sqrt(s[7]) : (x[i] - s[1]) / Math.sqrt(s[2]);
                y[i] = (float) Math.clamp(value, -5, 5);
            }
            return y;
        }

        private static double bent(double x, double h) {
            float usual = Math.max(Reader.exp((float) h), Float.MIN_NORMAL);
            float size = Reader.log1p(Math.min((float) Math.abs(x) / usual, Float.MAX_VALUE));
            return x < 0 ? -size : size;
        }

        private static void learnScale(double[] s, double value) {
            double a = Math.max(1 / (s[0] + 1), 1e-5);
            double x = value;
            if (s[0] >= 2 && s[2] > 0) {
                x = Math.clamp(x, s[1] - 20 * Math.sqrt(s[2]), s[1] + 20 * Math.sqrt(s[2]));
            }
            double e = moments(s, 1, x, a);
            s[3] += a * (Math.abs(e) - s[3]);
            double q = 0;
            if (x != 0) {
                s[4]++;
                s[5] += Math.max(1 / s[4], 1e-5) * (Reader.log((float) Math.abs(x)) - s[5]);
                q = bent(x, s[5]);
            }
            moments(s, 6, q, a);
            s[0]++;
        }

        private static double moments(double[] s, int at, double x, double a) {
            double e = s[0] == 0 ? 0 : x - s[at];
            s[at] = s[0] == 0 ? x : s[at] + a * e;
            s[at + 1] = (1 - a) * (s[at + 1] + a * e * e);
            return e;
        }

        // ---- Members ----

        private final class Member {
            private final int first; // the number of its first tensor
            private final boolean linear;
            private final double rate;
            private final double floor;
            private final double pull;
            private final @Nullable Quantiles quantiles; // of the distance; null unless it is the binned one
            private final List<Reader.Tensor> tensors = new ArrayList<>(); // linear: W, tables, b; else tables, …, b2
            private final List<Reader.Tensor> tables;
            private final Reader.Tensor none;
            private float[][] x = {};
            private List<int[][]> ids = List.of();
            private float[][] r = {};

            Member(int first, boolean linear, double rate, double floor, double pull, @Nullable Quantiles quantiles) {
                this.first = first;
                this.linear = linear;
                this.rate = rate;
                this.floor = floor;
                this.pull = pull;
                this.quantiles = quantiles;
                int outputs = label.outputs;
                if (linear) {
                    tensors.add(Reader.Tensor.of(NUMBERS, outputs, 2));
                }
                for (int t = 0; t < TABLES.length; t++) {
                    tensors.add(Reader.Tensor.of(TABLES[t], linear ? outputs : DIMENSIONS[t], 2));
                }
                if (quantiles != null) {
                    tensors.add(Reader.Tensor.of(Quantiles.BUCKETS + 1, 8, 2));
                }
                tables = List.copyOf(tensors.subList(linear ? 1 : 0, tensors.size()));
                if (!linear) {
                    int inputs = NUMBERS + tables.stream().mapToInt(Reader.Tensor::columns).sum();
                    tensors.add(Reader.Tensor.of(inputs, HIDDEN, 2));
                    tensors.add(Reader.Tensor.of(1, HIDDEN, 2));
                    tensors.add(Reader.Tensor.of(HIDDEN, outputs, 2));
                }
                tensors.add(Reader.Tensor.of(1, outputs, 2));
                none = Reader.Tensor.of(1, outputs, 0);
                start(0);
            }

            void start(int restart) {
                for (int i = 0; i < tensors.size(); i++) {
                    Reader.Tensor tensor = tensors.get(i);
                    Arrays.fill(tensor.w(), 0);
                    Stream.of(tensor.state()).forEach(part -> Arrays.fill(part, 0));
                    // The statistics of quantiles stand before their table.
                    int number = first + i + (i < TABLES.length || quantiles == null ? 0 : 1);
                    int layer = i - tables.size(); // 0 and 2: W1 and W2
                    if (linear) {
                        continue;
                    }
                    if (layer < 0) {
                        tensor.drawn(number, restart, i == 3 ? 0.2f : 0.05f);
                    } else if (layer % 2 == 0) {
                        tensor.drawnNormal(number, restart,
                                (float) (layer == 0 ? Math.sqrt(2.0 / tensor.rows()) : 0.1 / Math.sqrt(tensor.rows())));
                    }
                }
            }

            /// W1, b1, W2 and b2.
            private Reader.Tensor layer(int number) {
                return tensors.get(tables.size() + number);
            }

            private int[][] ids(Row row) {
                return quantiles == null ? row.ids()
                        : Stream.concat(Stream.of(row.ids()), Stream.of(new int[]{quantiles.id(row.numbers()[2])}))
                                .toArray(int[][]::new);
            }

            float[][] forward(float[][] numbers, List<Row> of) {
                int rows = numbers.length;
                ids = of.stream().map(this::ids).toList();
                x = new float[rows][];
                r = new float[rows][];
                float[][] z = new float[rows][];
                for (int row = 0; row < rows; row++) {
                    x[row] = numbers[row];
                    float[] sum = linear ? Reader.dense(numbers[row], tensors.getFirst(), none) : new float[0];
                    for (int t = 0; t < tables.size(); t++) {
                        float[] part = read(t, ids.get(row)[t]);
                        if (linear) {
                            for (int o = 0; o < sum.length; o++) {
                                sum[o] += part[o];
                            }
                        } else {
                            int width = x[row].length;
                            x[row] = Arrays.copyOf(x[row], width + part.length);
                            System.arraycopy(part, 0, x[row], width, part.length);
                        }
                    }
                    if (!linear) {
                        r[row] = Reader.relu(Reader.dense(x[row], layer(0), layer(1)));
                        sum = Reader.dense(r[row], layer(2), none);
                    }
                    z[row] = sum;
                    for (int o = 0; o < sum.length; o++) {
                        sum[o] += tensors.getLast().w()[o];
                    }
                }
                return z;
            }

            private float factor(int table, int count) {
                return table != 3 ? 1 : linear ? (float) Math.sqrt(1.0 / count) : 1f / count;
            }

            private float[] read(int table, int[] of) {
                int width = tables.get(table).columns();
                float[] w = tables.get(table).w();
                float[] y = new float[width];
                float f = factor(table, of.length);
                int c = 0;
                for (; c + 4 <= of.length; c += 4) {
                    for (int i = 0; i < width; i++) {
                        y[i] += Math.fma(f, w[of[c + 1] * width + i], f * w[of[c] * width + i])
                                + Math.fma(f, w[of[c + 3] * width + i], f * w[of[c + 2] * width + i]);
                    }
                }
                for (; c < of.length; c++) {
                    for (int i = 0; i < width; i++) {
                        y[i] = Math.fma(f, w[of[c] * width + i], y[i]);
                    }
                }
                return y;
            }

            void learn(float[][] dz, int t) {
                double fallen = Math.max(floor, rate / Math.sqrt(1 + (t - 1) / 100.0));
                float c = (float) (1 / (1 - Reader.power(0.999, t)));
                List<float[]> gradients = new ArrayList<>();
                double[] rates = new double[tensors.size()];
                Arrays.fill(rates, fallen);
                if (linear) {
                    Arrays.fill(rates, 0, 5, bound(fallen, 8, magnitude(x) + lookUps()));
                    gradients.add(ofDense(x, dz));
                    addTables(gradients, dz, 0);
                } else {
                    float[][] dh = new float[dz.length][];
                    float[][] dx = new float[dz.length][];
                    for (int row = 0; row < dz.length; row++) {
                        dh[row] = Reader.reluGradient(r[row], Reader.denseGradient(dz[row], layer(2)));
                        dx[row] = Reader.denseGradient(dh[row], layer(0));
                    }
                    int w1 = tables.size();
                    Arrays.fill(rates, w1, w1 + 2, bound(fallen, 8, magnitude(x)));
                    rates[w1 + 2] = bound(fallen, 16, magnitude(r));
                    addTables(gradients, dx, NUMBERS);
                    gradients.addAll(List.of(ofDense(x, dh), ofBias(dh), ofDense(r, dz)));
                }
                gradients.add(ofBias(dz));
                for (int i = 0; i < rates.length; i++) {
                    update(tensors.get(i), gradients.get(i), rates[i], c, (float) (1.0 / dz.length));
                }
            }

            private double bound(double of, double most, double sum) {
                double m = sum / x.length;
                bounded += m > most ? 1 : 0;
                return m > most ? of * Math.sqrt(most / m) : of;
            }

            private static double magnitude(float[][] lines) {
                double all = 0;
                for (float[] line : lines) {
                    double[] sums = new double[4];
                    for (int i = 0; i < line.length; i++) {
                        sums[i < (line.length & -4) ? i % 4 : 0] += Math.abs(line[i]);
                    }
                    all += sums[0] + sums[1] + sums[2] + sums[3];
                }
                return all;
            }

            private double lookUps() {
                double bag = 0;
                for (int[][] row : ids) {
                    for (int c = 0; c < row[3].length; c++) {
                        bag += factor(3, row[3].length);
                    }
                }
                return 3 * ids.size() + bag;
            }

            /// A row that nothing read has NaN.
            private void addTables(List<float[]> gradients, float[][] dy, int from) {
                int at = from;
                for (int t = 0; t < tables.size(); t++) {
                    int width = tables.get(t).columns();
                    float[] g = new float[tables.get(t).w().length];
                    Arrays.fill(g, Float.NaN);
                    for (int row = 0; row < dy.length; row++) {
                        int[] of = ids.get(row)[t];
                        for (int id : of) {
                            for (int i = 0; i < width; i++) {
                                int k = id * width + i;
                                float f = factor(t, of.length);
                                float d = dy[row][at + i];
                                g[k] = Float.isNaN(g[k]) ? f * d : Math.fma(f, d, g[k]);
                            }
                        }
                    }
                    gradients.add(g);
                    at += linear ? 0 : width;
                }
            }

            private static float[] ofDense(float[][] x, float[][] dy) {
                int outputs = dy[0].length;
                float[] g = new float[x[0].length * outputs];
                for (int k = 0; k < g.length; k++) {
                    for (int row = 0; row < x.length; row++) {
                        g[k] = Math.fma(x[row][k / outputs], dy[row][k % outputs], g[k]);
                    }
                }
                return g;
            }

            private static float[] ofBias(float[][] dy) {
                float[] g = dy[0].clone();
                for (int row = 1; row < dy.length; row++) {
                    for (int o = 0; o < g.length; o++) {
                        g[o] += dy[row][o];
                    }
                }
                return g;
            }

            private void update(Reader.Tensor tensor, float[] sums, double of, float c, float share) {
                float[] v = tensor.state()[0];
                float[] d = tensor.state()[1];
                float rest = (float) (1 - 0.999);
                for (int k = 0; k < sums.length; k++) {
                    if (!Float.isNaN(sums[k])) {
                        float g = share * sums[k];
                        v[k] = Math.fma(rest * g, g, Math.fma(0.999f, v[k], Reader.F)) - Reader.F;
                        float m = Math.fma((float) (of * pull), d[k],
                                (float) of * g / ((float) Math.sqrt(v[k] * c) + 1e-8f));
                        tensor.w()[k] -= m;
                        d[k] = d[k] + Reader.F - m - Reader.F;
                    }
                }
            }
        }

        // ---- Quantiles ----

        /// Of 16 buckets.
        private static final class Quantiles {
            static final int BUCKETS = 16;
            private static final int MARKERS = 4 * BUCKETS + 1;

            private final List<Double> v = new ArrayList<>();
            private final List<Double> w = new ArrayList<>();
            private double total;
            private int merged;
            private int forgotten;

            double[] statistics() {
                double[] all = new double[2 + 2 * MARKERS];
                all[0] = v.size();
                all[1] = total;
                for (int j = 0; j < v.size(); j++) {
                    all[2 + j] = v.get(j);
                    all[2 + MARKERS + j] = w.get(j);
                }
                return all;
            }

            int id(float number) {
                return (int) IntStream.range(1, BUCKETS).filter(k -> !(bound(k) > number)).count();
            }

            private double bound(int k) {
                int m = v.size();
                if (m <= BUCKETS) {
                    int j = (k * m + BUCKETS - 1) / BUCKETS;
                    return j == m ? Double.POSITIVE_INFINITY : v.get(j);
                }
                double t = total * k / BUCKETS;
                double f = w.getFirst() / 2;
                if (t < f) {
                    return v.getFirst();
                }
                for (int j = 0; j + 1 < m; j++) {
                    double g = (w.get(j) + w.get(j + 1)) / 2;
                    if (t < f + g) {
                        return Math.min(v.get(j) + (v.get(j + 1) - v.get(j)) * ((t - f) / g), v.get(j + 1));
                    }
                    f += g;
                }
                return Double.POSITIVE_INFINITY;
            }

            void learn(float number) {
                double x = number == 0 ? 0 : number;
                if (total + 1 > 10_000) {
                    double kept = 9_999 / total;
                    w.replaceAll(weight -> weight * kept);
                    forgotten++;
                }
                int at = (int) v.stream().filter(marker -> marker < x).count();
                if (at < v.size() && v.get(at) == x) {
                    w.set(at, w.get(at) + 1);
                } else {
                    v.add(at, x);
                    w.add(at, 1.0);
                }
                if (v.size() == MARKERS) {
                    merge();
                }
                total = 0;
                w.forEach(weight -> total += weight);
            }

            private void merge() {
                int least = 0;
                for (int j = 1; j + 1 < MARKERS; j++) {
                    least = w.get(j) + w.get(j + 1) < w.get(least) + w.get(least + 1) ? j : least;
                }
                double sum = w.get(least) + w.get(least + 1);
                v.remove(w.get(least + 1) > w.get(least) ? least : least + 1);
                w.remove(least);
                w.set(least, sum);
                merged++;
            }
        }

        // ---- Mixture ----

        /// A row's p, l and q, or of numbers what members gave.
        private final class Mixed {
            private final int count = members.size();
            private final int uAt = 1;
            private final int wAt = isOfClasses() ? 1 + count : 1;
            private final int at = isOfClasses() ? 2 + 2 * count : 1 + count; // of A, or μ
            private final int classes = Math.max(2, label.outputs);
            private final double[] z = new double[count]; // the first output of each
            private final double[][] p = new double[count][];
            private final double[][] l = new double[count][];
            private final double[] q;
            private final float[] y;

            Mixed(int row, float[][][] outputs) {
                double[] u = new double[classes];
                for (int m = 0; m < count; m++) {
                    float[] of = outputs[m][row];
                    z[m] = of[0];
                    double[] logits = new double[classes];
                    for (int k = 0; k < classes; k++) {
                        logits[k] = of.length > 1 ? of[k] : k * of[0];
                    }
                    p[m] = softmax(logits, l, m);
                    for (int k = 0; k < classes; k++) {
                        u[k] += (mixture[0] == 0 ? 1.0 / count : mixture[uAt + m]) * l[m][k];
                    }
                }
                q = softmax(u, new double[count][], 0);
                y = output();
            }

            private double weight(int i) {
                return mixture[0] == 0 ? 1.0 / (isOfClasses() ? count + 1 : count) : mixture[wAt + i];
            }

            private float[] output() {
                double sum = 0;
                double[] logs = new double[classes];
                for (int k = 0; k < classes; k++) {
                    sum = weight(isOfClasses() ? count : 0) * q[k];
                    for (int m = 0; m < count; m++) {
                        sum += weight(m) * p[m][k];
                    }
                    logs[k] = Reader.log((float) sum);
                }
                if (label.outputs > 1) {
                    return new float[]{(float) logs[0], (float) logs[1], (float) logs[2]};
                }
                if (isOfClasses()) {
                    return new float[]{(float) (logs[1] - logs[0])};
                }
                sum = 0;
                for (int m = 0; m < count; m++) {
                    sum += weight(m) * z[m];
                }
                return new float[]{(float) (mixture[at] + Math.sqrt(mixture[at + 1]) * sum)};
            }

            private static double[] softmax(double[] of, double[][] logs, int m) {
                double max = Arrays.stream(of).max().orElseThrow();
                double[] e = new double[of.length];
                double sum = 0;
                for (int k = 0; k < e.length; k++) {
                    e[k] = Reader.exp((float) (of[k] - max));
                    sum += e[k];
                }
                logs[m] = new double[of.length];
                double all = 0;
                for (int k = 0; k < e.length; k++) {
                    e[k] /= sum;
                    logs[m][k] = Math.max(Reader.log((float) 1e-6), of[k] - max - Reader.log((float) sum));
                    all += logs[m][k];
                }
                for (int k = 0; k < e.length; k++) {
                    logs[m][k] -= all / e.length;
                }
                return e;
            }

            double loss(int of) {
                if (label == Label.MILES) {
                    return ((double) y[0] - of) * ((double) y[0] - of);
                }
                if (label == Label.LATE) {
                    return Math.max(y[0], 0) - y[0] * of + Math.log1p(Math.exp(-Math.abs(y[0])));
                }
                return Math.log(Math.exp(y[0]) + Math.exp(y[1]) + Math.exp(y[2])) - y[of];
            }

            float[] slope(int m, int of, double v) {
                float[] dz = new float[label.outputs];
                double s = Math.sqrt(mixture[at + 1]);
                for (int o = 0; o < dz.length; o++) {
                    int k = dz.length > 1 ? o : 1;
                    dz[o] = (float) (v * (isOfClasses() ? p[m][k] - (of == k ? 1 : 0)
                            : s > 0 ? Math.clamp(z[m] - (of - mixture[at]) / s, -3, 3) : 0));
                }
                return dz;
            }

            void learn(int of, double i) {
                if (mixture[0] == 0) {
                    Arrays.fill(mixture, uAt, wAt, 1.0 / count);
                    Arrays.fill(mixture, wAt, at, weight(0));
                }
                double t = ++mixture[0];
                if (isOfClasses()) {
                    watch(of);
                    learnClasses(of, i, i * Math.max(0.0005, 0.005 / Math.sqrt(1 + (t - 1) / 100)));
                } else {
                    learnNumbers(of, i, t);
                }
            }

            private void watch(int of) {
                double sum = 0;
                double weights = 0;
                for (int m = 0; m < count; m++) {
                    if (m != 3) {
                        sum += mixture[wAt + m] * Math.max(1e-6, p[m][of]);
                        weights += mixture[wAt + m];
                    }
                }
                double o = -Reader.log((float) Math.max(1e-6, sum / weights));
                double j = ++mixture[at + 3];
                mixture[at] += Math.max(1 / j, 1 / 100.0) * (o - mixture[at]);
                double e = o - mixture[at + 1];
                double b = Math.max(1 / j, 1 / 2000.0);
                mixture[at + 1] += b * e;
                mixture[at + 2] = (1 - b) * (mixture[at + 2] + b * e * e);
                if (j > 300 && mixture[at] - mixture[at + 1] > 5 * Math.sqrt(mixture[at + 2] / 200)) {
                    Arrays.fill(mixture, at, at + 4, 0);
                    mixture[at + 4]++;
                    mixture[at + 5] = updates;
                }
            }

            private void learnClasses(int of, double i, double rate) {
                for (int m = 0; m <= count; m++) {
                    double slope = 0;
                    for (int k = 0; m < count && k < classes; k++) {
                        slope += (q[k] - (of == k ? 1 : 0)) * l[m][k];
                    }
                    if (m < count) {
                        mixture[uAt + m] -= rate * slope;
                    }
                    double most = Math.max(1e-6, (m < count ? p[m] : q)[of]);
                    mixture[wAt + m] *= Reader.exp((float) (i * 0.3 * Reader.log((float) most)));
                }
                share();
            }

            private void learnNumbers(double of, double i, double t) {
                double mean = mixture[at];
                double s = Math.sqrt(mixture[at + 1]);
                double usual = mixture[at + 2];
                if (s > 0) {
                    double least = Double.MAX_VALUE;
                    for (int m = 0; m < count; m++) {
                        double error = Math.abs(z[m] - (of - mean) / s);
                        least = Math.min(least, error);
                        if (usual > 0) {
                            mixture[wAt + m] *= Reader.exp((float) (-i * 0.3 * Math.min(error / usual, 20)));
                        }
                    }
                    if (usual > 0) {
                        share();
                    }
                    mixture[at + 2] += Math.max(1 / t, 0.001) * (least - usual);
                }
                double a = Math.max(1 / t, 1e-5);
                double e = (s > 0 ? Math.clamp(of, mean - 20 * s, mean + 20 * s) : of) - mean;
                mixture[at] += a * e;
                mixture[at + 1] = (1 - a) * (mixture[at + 1] + a * e * e);
            }

            private void share() {
                double sum = 0;
                for (int i = wAt; i < at; i++) {
                    sum += mixture[i];
                }
                for (int i = wAt; i < at; i++) {
                    mixture[i] = (1 - 0.001) * (mixture[i] / sum) + 0.001 / (at - wAt);
                }
            }
        }
    }

    /// The section of that name, for labels of yes or no.
    private static final class Reactions {
        private record Bucket(long size, double sum, double spread) {
        }

        private record Block(long end, double mean) {
        }

        private final double every; // 0: nothing is watched
        private final double by;
        private final long examples;
        private long until;
        private int n;
        private double s;
        private double q;
        private double block;
        private final List<Bucket> buckets = new ArrayList<>(); // the oldest first
        private long w;
        private double t;
        private double v;
        private final List<Block> blocks = new ArrayList<>();
        private long f;
        private double h;
        private double m;
        private int since = -1;

        Reactions(double every, double by, long examples) {
            this.every = every;
            this.by = by;
            this.examples = examples;
        }

        boolean isRaised(long learned) {
            return learned < until;
        }

        void learned(double error, long label) {
            if (every == 0 || label <= 2_000) {
                return;
            }
            n++;
            s += error;
            q += error * error;
            block += error;
            if (n % 32 == 0) {
                take(new Bucket(32, s, Math.max(0, q - s * s / 32)));
                s = 0;
                q = 0;
                while (differs()) {
                    dropOldest();
                }
                if (n % 2_048 == 0) {
                    endBlock();
                }
                if (w >= 100 && judge(odds(t / w))) {
                    until = label + examples;
                }
            }
        }

        private void take(Bucket bucket) {
            if (w > 0) {
                double d = bucket.sum / 32 - t / w;
                v += d * d * 32 * w / (w + 32);
            }
            v += bucket.spread;
            w += 32;
            t += bucket.sum;
            buckets.add(bucket);
            for (long c = 32; buckets.stream().mapToLong(Bucket::size).filter(Long.valueOf(c)::equals)
                    .count() == 6; c *= 2) {
                int at = 0;
                while (buckets.get(at).size != c) {
                    at++;
                }
                Bucket one = buckets.remove(at);
                Bucket two = buckets.remove(at);
                double d = one.sum - two.sum;
                buckets.add(at, new Bucket(2 * c, one.sum + two.sum, one.spread + two.spread + d * d / (2 * c)));
            }
        }

        private boolean differs() {
            double log = StrictMath.log(2.0 * buckets.size() / (32 / every));
            long size = 0;
            double u = 0;
            for (Bucket bucket : buckets) {
                size += bucket.size;
                u += bucket.sum;
                double d = Math.abs(u * w - t * size) - 2.0 / 3 * w * log;
                if (d > 0 && d * d > 2 * v * log * size * (w - size)) {
                    return true;
                }
            }
            return false;
        }

        private void dropOldest() {
            Bucket oldest = buckets.removeFirst();
            long rest = w - oldest.size;
            double d = oldest.sum / oldest.size - (t - oldest.sum) / rest;
            v = Math.max(0, v - oldest.spread - d * d * oldest.size * rest / w);
            t -= oldest.sum;
            w = rest;
        }

        private void endBlock() {
            if (since < 0) {
                blocks.add(new Block(n, block / 2_048));
                if (blocks.size() == 33) {
                    Block dropped = blocks.removeFirst();
                    f = dropped.end;
                    h = Math.max(h, dropped.mean);
                }
            }
            block = 0;
        }

        private boolean judge(double x) {
            if (since >= 0) {
                if (!(x > Math.sqrt(1.65) * odds(m))) {
                    since = -1;
                } else if (n - since > 1_000_000) {
                    since = -1;
                    blocks.clear();
                    f = 0;
                    h = 0;
                }
                return false;
            }
            long c = n - w;
            long e = Math.min(c, n - Math.min(n / 4, 49_152));
            if (e < f) {
                return false;
            }
            List<Block> before = blocks.stream().filter(each -> each.end <= e).toList();
            m = Math.max(h, before.stream().mapToDouble(Block::mean).max().orElse(0));
            if ((before.size() >= 6 || f > 0) && x > 1.65 * odds(m)) {
                since = n;
                blocks.removeIf(each -> each.end > c);
                return true;
            }
            return false;
        }

        private static double odds(double x) {
            double held = Math.min(Math.max(x, 1e-6), 1 - 1e-6);
            return held / (1 - held);
        }
    }
}
