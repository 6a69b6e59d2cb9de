package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Sgd;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ParametersTest {
    private static Parameters initial(int numbers, int ids, Layer network, int outputs, Optimizer optimizer,
            long seed) {
        return Parameters.initial(Plan.of(new NetworkSpec(new RowShape(numbers, ids, outputs), network,
                new MeanSquaredError(), optimizer, seed)));
    }

    /// Byte by byte what the docstring promises, for tensors that straddle pages and panels.
    @Test
    void streamsAreTightAndLogical() {
        int inputs = 30;
        int outputs = 100;
        Parameters parameters =
                initial(inputs, 0, new Sequence(new Numbers(0, inputs), new Standardise(), new Dense(outputs)), outputs,
                        Adam.of(0.001), 3);
        long statistics = (1 + 2 * inputs) * 8L;
        assertThat(parameters.servedBytes()).isEqualTo(statistics + (inputs * outputs + outputs) * 4L);
        assertThat(parameters.optimizerBytes()).isEqualTo(2L * (inputs * outputs + outputs) * 4);

        ByteBuffer stream = ByteBuffer.allocate((int) parameters.servedBytes());
        stream.order(ByteOrder.LITTLE_ENDIAN);
        for (int page = 0; page < parameters.servedPages(); page++) {
            parameters.readPage(page, stream.array(), page * Parameters.PAGE_BYTES);
        }
        float[] weights = parameters.weights("2.weight");
        for (int i = 0; i < weights.length; i++) {
            assertThat(stream.getFloat((int) statistics + 4 * i)).isEqualTo(weights[i]);
        }
    }

    @Test
    void everyByteOfEveryPageComesBack() {
        int rows = 3_000_000; // two blocks with state
        Parameters parameters =
                initial(5, 1, new Sequence(new Embedding(0, 1, rows, 1, Embedding.Update.TOUCHED), new Dense(70)), 70,
                        Adam.of(0.001), 3);
        Random random = new Random(11);
        byte[] written = new byte[Parameters.PAGE_BYTES];
        byte[] read = new byte[Parameters.PAGE_BYTES];
        // Every page is written before the first is read, so that none may land on another.
        for (int page = 0; page < parameters.pages(); page++) {
            random.setSeed(page);
            randomFloats(random, written);
            parameters.writePage(page, written, 0);
        }
        for (int page = 0; page < parameters.pages(); page++) {
            random.setSeed(page);
            randomFloats(random, written);
            parameters.readPage(page, read, 0);
            assertThat(parameters.pageLength(page)).isPositive();
            for (int i = 0; i < parameters.pageLength(page); i++) {
                if (read[i] != written[i]) {
                    assertThat(read[i]).as("page %d, byte %d", page, i).isEqualTo(written[i]);
                }
            }
        }
    }

    /// Any bits but those of a NaN, which Java may change.
    private static void randomFloats(Random random, byte[] bytes) {
        random.nextBytes(bytes);
        for (int i = 3; i < bytes.length; i += 4) {
            bytes[i] &= (byte) 0xBF;
        }
    }

    @Test
    void aNonFiniteValueIsFoundWhereverItStands() {
        Parameters parameters = initial(600, 0, new Sequence(new Numbers(0, 600), new Standardise(), new Dense(20)), 20,
                Adam.of(0.001), 3);
        assertThat(parameters.firstNonFinitePage(parameters.dirty())).isEqualTo(-1);
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            parameters.readPage(number, page, 0);
            byte[] clean = page.clone();
            boolean statistics = number == 0;
            ByteBuffer buffer = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
            int at = parameters.pageLength(number) - (statistics ? 8 : 4);
            if (statistics) {
                buffer.putDouble(at, Double.POSITIVE_INFINITY);
            } else {
                buffer.putFloat(at, Float.NaN);
            }
            parameters.writePage(number, page, 0);
            assertThat(parameters.firstNonFinitePage(parameters.dirty())).isEqualTo(number);
            PageSet others = new PageSet(parameters.pages());
            others.addAll(parameters.dirty());
            parameters.writePage(number, clean, 0);
        }
        assertThat(parameters.firstNonFinitePage(parameters.dirty())).isEqualTo(-1);
    }

    /// Beside `Float.isFinite`, value by value: numbers of all exponents, with each sign, at each place of a page that ends
    /// between two floats.
    @Test
    void aFloatIsFiniteExactlyIfJavaSaysSo() {
        Layer network = new Sequence(new Numbers(0, 1), new Dense(1_201, false, Initialization.HE_NORMAL));
        Parameters parameters = initial(1, 0, network, 1_201, new Sgd(0.1), 3);
        byte[] page = new byte[Parameters.PAGE_BYTES];
        parameters.readPage(0, page, 0);
        ByteBuffer buffer = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
        int length = parameters.pageLength(0);
        assertThat(length / Float.BYTES).isOdd().isGreaterThan(1_000);
        Random random = new Random(5);
        for (int exponent = 0; exponent < 256; exponent++) {
            for (int at = 0; at < length; at += Float.BYTES * (1 + random.nextInt(40))) {
                int before = buffer.getInt(at);
                for (int bits : new int[]{0, 1, random.nextInt(1 << 23), (1 << 23) - 1}) {
                    buffer.putInt(at, random.nextInt(2) << 31 | exponent << 23 | bits);
                    assertThat(parameters.isFinite(0, page, 0)).isEqualTo(Float.isFinite(buffer.getFloat(at)));
                }
                buffer.putInt(at, before);
            }
            buffer.putInt(length - Float.BYTES, exponent << 23);
            assertThat(parameters.isFinite(0, page, 0)).isEqualTo(exponent < 255);
            buffer.putInt(length - Float.BYTES, 0);
        }
    }

    static Stream<Arguments> tables() {
        return Stream.<Optimizer>of(new Sgd(0.1), new Adagrad(0.1, 1e-10, 0), Adam.of(0.1)).flatMap(optimizer -> Stream
                .of(1, 2, 3, 8, 16, 20, 48, 3_000).map(dimension -> Arguments.of(optimizer, dimension)));
    }

    /// In memory a row lies beside its state. The streams have the weights of all rows, then for each row the parts of its
    /// state: byte by byte what the docstring promises, for rows that divide a page and that don't, read and written.
    @ParameterizedTest
    @MethodSource("tables")
    void theStreamsOfATableAreThoseOfItsWeightsAndState(Optimizer optimizer, int dimension) {
        int rows = Math.max(20, 50_000 / dimension);
        Parameters parameters =
                initial(0, 1, new Embedding(0, 1, rows, dimension, Embedding.Update.TOUCHED), dimension, optimizer, 3);
        String table = parameters.plan().tensors().getFirst().name();
        Random random = new Random(dimension);
        int parts = (int) (parameters.optimizerBytes() / parameters.servedBytes());
        float[][] values = new float[1 + parts][rows * dimension];
        for (int part = 0; part <= parts; part++) {
            for (int i = 0; i < values[part].length; i++) {
                values[part][i] = random.nextFloat();
            }
        }
        parameters.setWeights(table, values[0]);
        for (int part = 1; part <= parts; part++) {
            parameters.setState(table, part, values[part]);
        }
        ByteBuffer served = ByteBuffer.allocate((int) parameters.servedBytes()).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer state = ByteBuffer.allocate((int) parameters.optimizerBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows; row++) {
            for (int part = 0; part <= parts; part++) {
                for (int column = 0; column < dimension; column++) {
                    (part == 0 ? served : state).putFloat(values[part][row * dimension + column]);
                }
            }
        }

        Parameters copy = Parameters.blank(parameters.plan());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < parameters.pages(); number++) {
            boolean ofServed = number < parameters.servedPages();
            int at = (ofServed ? number : number - parameters.servedPages()) * Parameters.PAGE_BYTES;
            int length = parameters.pageLength(number);
            parameters.readPage(number, page, 0);
            assertThat(ByteBuffer.wrap(page, 0, length)).isEqualTo((ofServed ? served : state).slice(at, length));
            copy.writePage(number, page, 0);
        }
        assertThat(copy.weights(table)).isEqualTo(values[0]);
        for (int part = 1; part <= parts; part++) {
            assertThat(copy.state(table, part)).isEqualTo(values[part]);
        }
        for (int i = 0; i < 200; i++) {
            int from = random.nextInt(rows * dimension) * Float.BYTES;
            int length = random.nextInt(Math.min(Parameters.PAGE_BYTES, served.capacity() - from) / Float.BYTES + 1)
                    * Float.BYTES;
            byte[] read = new byte[3 + length];
            parameters.readServed(from, read, 3, length);
            assertThat(ByteBuffer.wrap(read, 3, length)).isEqualTo(served.slice(from, length));
        }
    }

    /// 6 standard errors, as the golden case `init_statistics` allows.
    @ParameterizedTest
    @EnumSource(Initialization.class)
    void weightsAreDrawnAsTheSchemeSays(Initialization initialization) {
        int inputs = 784;
        int outputs = 40;
        float[] weights =
                initial(inputs, 0, new Sequence(new Numbers(0, inputs), new Dense(outputs, true, initialization)),
                        outputs, new Sgd(0.1), 42).weights("1.weight");
        double deviation = switch (initialization) {
            case HE_UNIFORM, HE_NORMAL -> Math.sqrt(2.0 / inputs);
            case XAVIER_UNIFORM, XAVIER_NORMAL -> Math.sqrt(2.0 / (inputs + outputs));
            case SMALL_NORMAL -> 0.1 / Math.sqrt(inputs);
            case ZERO -> 0;
        };
        double sum = 0;
        double squares = 0;
        double max = 0;
        for (float w : weights) {
            sum += w;
            squares += (double) w * w;
            max = Math.max(max, Math.abs(w));
        }
        int n = weights.length;
        assertThat(sum / n).isCloseTo(0, within(6 * deviation / Math.sqrt(n)));
        assertThat(Math.sqrt(squares / n)).isCloseTo(deviation, within(6 * deviation / Math.sqrt(2.0 * n)));
        double bound = Math.sqrt(3) * deviation;
        if (initialization.isNormal()) {
            assertThat(max).isBetween(3 * deviation, 6 * deviation);
        } else {
            assertThat(max).isBetween(0.99 * bound, bound * (1 + 1e-6));
        }
    }

    @Test
    void aSeedAlwaysGivesTheSameWeightsAndAnotherSeedOthers() {
        Layer network = new Sequence(new Embedding(0, 1, 100, 4, Embedding.Update.TOUCHED), new Dense(3));
        float[] first = initial(0, 1, network, 3, new Sgd(0.1), 1).weights("0.weight");
        assertThat(initial(0, 1, network, 3, Adam.of(0.1), 1).weights("0.weight")).isEqualTo(first);
        assertThat(initial(0, 1, network, 3, new Sgd(0.1), 2).weights("0.weight")).isNotEqualTo(first);
        for (float w : first) {
            assertThat(w).isBetween(-Embedding.START, Embedding.START);
        }
    }
}
