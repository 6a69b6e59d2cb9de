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
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// A reader of `docs/numerics.md` computes the hashes of both shipped models. [Reader] is written from that page and
/// uses no class of the engine or the model: where the two differ, the page is wrong, or bits have changed.
class NumericsDocumentTest {
    @Test
    @LongProof("300,000 events, learned twice")
    void aReaderOfTheDocumentComputesTheHashesOfTheFlightsInTheReadme() throws Exception {
        Reader.Hashes hashes = Reader.flights(ShippedStream.FLIGHTS.read(), Quarantine.NONE, new Reactions(0, 1, 0));
        assertThat(hashes).isEqualTo(learned(ShippedStream.FLIGHTS));
        assertThat(Files.readString(Path.of(System.getProperty("tidegrad.root"), "README.md")))
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

    private static Reader.Hashes learned(ShippedStream stream) {
        return hashes(learned(ModelSpec.parse(stream.spec(), stream.specFile()), stream, stream.read()));
    }

    private static Reader.Hashes hashes(OnlineModel model) {
        return new Reader.Hashes(model.weightsHash(), model.stateHash());
    }

    private static OnlineModel learned(ModelSpec spec, ShippedStream stream, List<StreamEvent> events) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        AvroEvent event = new AvroEvent();
        var schema = stream.schema();
        for (StreamEvent record : events) {
            assertThat(featurizer.featurize(event.of(record.toAvro(schema)), row)).isNull();
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
                for (int k = 0; k < w.length; k++) {
                    float u = (philox(k, number) >>> 8) * 0x1p-24f;
                    w[k] = bound * (2 * u - 1);
                }
                return this;
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
            return hashes(canonical, learned, statistics,
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
            return hashes(canonical, events.size(), new double[0], List.of(w1, b1, w2, b2));
        }

        private static double squares(float[] values, int from) {
            double sum = 0;
            for (int i = from; i < values.length; i++) {
                sum += (double) values[i] * values[i];
            }
            return sum;
        }

        // ---- The hashes ----

        private static Hashes hashes(String canonical, long steps, double[] statistics, List<Tensor> tensors)
                throws IOException {
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
                    littleEndian(4).putInt(NUMERICS).array(), littleEndian(16).putLong(steps).putLong(steps).array(),
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

        private static int philox(int k, int tensor) {
            int[] c = {k / 4, tensor, 0, 0};
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
