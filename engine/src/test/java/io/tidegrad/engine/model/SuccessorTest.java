package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.StreamRms;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.engine.testing.RandomNetworks;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A chain of changes, each applied to the version before, against the whole model: bit for bit.
class SuccessorTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final byte[] FINGERPRINT = new byte[32];

    static IntStream seeds() {
        return RandomNetworks.seeds(200);
    }

    /// A learner's weights, and a follower that is told of changes only.
    private static final class Followed {
        final Parameters learned;
        final Learner learner;
        Parameters served;
        ServedLeaves leaves;
        PageSet touched;
        long copied;

        Followed(NetworkSpec spec, int rows) {
            Plan plan = Plan.of(spec);
            learned = Parameters.initial(plan);
            learner = new Learner(learned, KERNELS, rows);
            served = Parameters.served(plan);
            leaves = ServedLeaves.of(served);
            touched = new PageSet(served.pages());
            assertThat(learned.changes().everything()).isTrue();
        }

        /// The next version, out of the runs of changed bytes.
        void follow() {
            Successor successor = new Successor(served);
            byte[] stream = stream(learned);
            long[] end = {-1};
            learned.changes().forEachRun((at, bytes) -> {
                assertThat(at).isGreaterThan(end[0]);
                end[0] = at + bytes;
                successor.write(at, stream, (int) at, (int) bytes);
            });
            learned.changes().clear();
            served = successor.parameters();
            served.setCounts(learned.updates(), learned.examples());
            touched = successor.touched();
            leaves = leaves.after(served, touched);
            copied = successor.copiedBytes();
            assertThat(successor.firstNonFinite()).isEqualTo(-1);
        }

        void assertEqual() {
            assertThat(stream(served)).isEqualTo(stream(learned));
            assertThat(leaves.weightsHash(FINGERPRINT, served)).isEqualTo(ModelHash.weights(FINGERPRINT, learned));
        }
    }

    private static byte[] stream(Parameters parameters) {
        byte[] stream = new byte[(int) parameters.servedBytes()];
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.servedPages(); number++) {
            parameters.readPage(number, page, 0);
            System.arraycopy(page, 0, stream, number * page.length, parameters.pageLength(number));
        }
        return stream;
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aChainOfChangesEqualsTheWholeWhateverTheNetwork(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Followed followed = new Followed(spec, 5);
        List<Parameters> versions = new ArrayList<>();
        List<byte[]> streams = new ArrayList<>();
        for (int version = 0; version < 6; version++) {
            for (int step = networks.between(0, 2); step > 0; step--) {
                followed.learner.learn(networks.batch(spec, networks.between(1, 5)));
            }
            followed.follow();
            followed.assertEqual();
            versions.add(followed.served);
            streams.add(stream(followed.learned));
        }
        for (int version = 0; version < versions.size(); version++) {
            assertThat(stream(versions.get(version))).as("version %d, after others shared its arrays", version)
                    .isEqualTo(streams.get(version));
        }
    }

    /// Small, so that pages hold several members, and with tables of several pages. Members have a vocabulary and quantiles.
    private static NetworkSpec mixture(Mixture.Target target) {
        int outputs = target == Mixture.Target.CLASSES ? 3 : 1;
        Embedding.Update touched = Embedding.Update.TOUCHED;
        StreamRms quick = StreamRms.of(0.02, 0.01, 0.003);
        List<Layer> members = IntStream.range(0, 3)
                .<Layer>mapToObj(m -> new OwnOptimizer(quick,
                        new Sequence(
                                new Concat(new Identity(), new FromRow(new Embedding(0, 1, 5_000, 8, touched)),
                                        new FromRow(new Vocabulary(1, 40, 60, 1, 300, 4, touched)),
                                        new FromRow(new Quantiles(1, 3, 8, 4, touched))),
                                new Dense(8 + m, true, Initialization.HE_NORMAL), new Relu(),
                                new Dense(outputs, false, Initialization.SMALL_NORMAL), new Bias())))
                .toList();
        Loss loss = switch (target) {
            case CLASSES -> new CategoricalCrossEntropy(false);
            case YES_NO -> new BinaryCrossEntropy();
            case NUMBER -> new MeanSquaredError();
        };
        return new NetworkSpec(new RowShape(3, 4, 1),
                new Sequence(new Numbers(0, 3), new RunningScale(List.of(RunningScale.NEVER_MISSING)),
                        new Mixture(members, target, target == Mixture.Target.NUMBER ? Mixture.NONE : 1)),
                loss, quick, 7);
    }

    private static void fill(Batch batch, Random random, Mixture.Target target, boolean turned) {
        for (int row = 0; row < batch.size(); row++) {
            for (int i = 0; i < 3; i++) {
                batch.numbers[3 * row + i] = (float) random.nextGaussian();
            }
            batch.ids[4 * row] = random.nextInt(5_000);
            batch.ids[4 * row + 1] = random.nextInt(200);
            batch.ids[4 * row + 2] = 1;
            batch.ids[4 * row + 3] = random.nextInt(2);
            boolean yes = batch.numbers[3 * row] > 0 ^ turned;
            batch.labels[row] = target == Mixture.Target.NUMBER ? 100 + 7 * batch.numbers[3 * row] : yes ? 1 : 0;
            batch.sampleWeights[row] = row % 3 == 2 ? 0.5f : 1;
        }
    }

    /// After any number of rows, and in the versions in which a member starts again: what changed is marked dirty, and the bits
    /// are those of the whole.
    @ParameterizedTest
    @EnumSource(Mixture.Target.class)
    void aChainOfChangesOfAMixtureEqualsTheWhole(Mixture.Target target) {
        Followed followed = new Followed(mixture(target), 3);
        Parameters learned = followed.learned;
        followed.follow();
        Random random = new Random(target.ordinal());
        int restarts = 0;
        long rows = 0;
        while (rows < 4_500) {
            byte[][] old = pages(learned);
            learned.dirty().clear();
            double before = restarts(learned, target);
            for (int step = random.nextInt(6); step > 0; step--) {
                Batch batch = new Batch(learned.plan().spec().row(), 3);
                batch.resize(1 + random.nextInt(3));
                fill(batch, random, target, rows / 1_500 % 2 == 1);
                followed.learner.learn(batch);
                rows += batch.size();
            }
            byte[][] now = pages(learned);
            for (int page = 0; page < now.length; page++) {
                assertThat(learned.dirty().contains(page) || Arrays.equals(old[page], now[page]))
                        .as("page %d of %d is marked, after %d rows", page, now.length, rows).isTrue();
            }
            boolean restarted = restarts(learned, target) > before;
            restarts += restarted ? 1 : 0;
            if (!restarted) {
                // A few rows touch a few pages of three tables of 10 pages and of their state.
                assertThat(learned.dirty().count()).isLessThan(learned.pages());
            }
            followed.follow();
            followed.assertEqual();
        }
        assertThat(restarts).isGreaterThanOrEqualTo(target == Mixture.Target.NUMBER ? 0 : 2);
    }

    private static double restarts(Parameters parameters, Mixture.Target target) {
        return target == Mixture.Target.NUMBER ? 0 : parameters.statistics("2.weights")[1 + 2 * 3 + 1 + 4];
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][Parameters.PAGE_BYTES];
        for (int page = 0; page < pages.length; page++) {
            parameters.readPage(page, pages[page], 0);
        }
        return pages;
    }

    private static NetworkSpec tables(int rows, int dimension) {
        Layer network = new Sequence(new Concat(new Sequence(new Numbers(0, 3), new Standardise()),
                new Embedding(0, 2, rows, dimension, Embedding.Update.TOUCHED),
                new Embedding(2, 1, rows / 2, 3, Embedding.Update.TOUCHED)), new Dense(1));
        return new NetworkSpec(new RowShape(3, 3, 1), network, new MeanSquaredError(), Adam.of(0.01), 7);
    }

    private static void learn(Followed followed, Random random, int rows, int events) {
        Batch batch = new Batch(followed.learned.plan().spec().row(), 1);
        batch.resize(1);
        for (int event = 0; event < events; event++) {
            for (int i = 0; i < 3; i++) {
                batch.numbers[i] = random.nextFloat();
            }
            batch.ids[0] = random.nextInt(rows);
            batch.ids[1] = random.nextInt(rows);
            batch.ids[2] = random.nextInt(rows / 2);
            batch.labels[0] = random.nextFloat();
            followed.learner.learn(batch);
        }
    }

    /// Rows of one block, of many, and wider than one.
    @ParameterizedTest
    @org.junit.jupiter.params.provider.CsvSource({"100,4", "5000,16", "4097,7", "9,3000"})
    void aChainOfTouchedRowsEqualsTheWhole(int rows, int dimension) {
        Followed followed = new Followed(tables(rows, dimension), 1);
        Random random = new Random(rows);
        for (int version = 0; version < 20; version++) {
            Parameters before = followed.served;
            byte[] stream = stream(before);
            learn(followed, random, rows, random.nextInt(5));
            followed.follow();
            followed.assertEqual();
            assertThat(stream(before)).as("what readers of the parent see").isEqualTo(stream);
        }
    }

    @Test
    void aFewTouchedRowsCostAFewBlocksAndLeaves() {
        int rows = 1 << 18;
        Followed followed = new Followed(tables(rows, 16), 1);
        followed.follow();
        learn(followed, new Random(1), rows, 10);
        long[] changed = {0};
        followed.learned.changes().forEachRun((at, bytes) -> changed[0] += bytes);
        followed.follow();
        followed.assertEqual();
        // 20 rows of 64 bytes, 10 of 12, statistics and the dense layer
        assertThat(changed[0]).isLessThan(20 * 64 + 10 * 12 + 1_000);
        assertThat(followed.copied).isLessThan(30 * 8 * 1024 + 1_000);
        assertThat(followed.touched.count()).isLessThan(60);
        assertThat(followed.served.servedPages()).isGreaterThan(2_000);
    }

    @Test
    void valuesSetFromOutsideChangeEverything() {
        Followed followed = new Followed(tables(100, 4), 1);
        followed.follow();
        assertThat(followed.learned.changes().everything()).isFalse();
        String tensor = followed.learned.plan().tensors().getLast().name();
        followed.learned.setWeights(tensor, new float[]{3});
        assertThat(followed.learned.changes().everything()).isTrue();
        followed.follow();
        followed.assertEqual();
    }

    @Test
    void whatIsNotWholeValuesInsideTheStreamIsRefused() {
        Plan plan = Plan.of(tables(100, 4));
        Successor successor = new Successor(Parameters.served(plan));
        long end = plan.streams().servedBytes;
        byte[] bytes = new byte[64];
        for (long[] wrong : new long[][]{{-8, 8}, {end, 4}, {end - 4, 8}, {4, 8}, {0, 4}, {end - 7, 4}, {end - 8, 3},
            {Long.MAX_VALUE - 3, 8}, {16, -8}}) {
            assertThatThrownBy(() -> successor.write(wrong[0], bytes, 0, (int) wrong[1])).as(Arrays.toString(wrong))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(successor.touched().isEmpty()).isTrue();
    }

    @Test
    void aValueThatIsNotFiniteIsFoundWhereverItStands() {
        Plan plan = Plan.of(tables(100, 4));
        Parameters parent = Parameters.served(plan);
        int statistics = (int) plan.streams().statisticsBytes;
        byte[] stream = new byte[(int) parent.servedBytes()];
        for (int at = 0; at < stream.length; at += at < statistics ? 8 : 4) {
            ByteBuffer buffer = ByteBuffer.wrap(stream.clone()).order(ByteOrder.LITTLE_ENDIAN);
            if (at < statistics) {
                buffer.putDouble(at, Double.NaN);
            } else {
                buffer.putFloat(at, Float.NEGATIVE_INFINITY);
            }
            Successor successor = new Successor(parent);
            successor.write(0, buffer.array(), 0, stream.length);
            assertThat(successor.firstNonFinite()).isEqualTo(at);
        }
    }
}
