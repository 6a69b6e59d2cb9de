package io.tidegrad.engine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.testing.RandomNetworks;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SavedModelTest {
    static IntStream seeds() {
        return RandomNetworks.seeds(20);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aModelThatIsReadBackLearnsOnWithTheSameBits(int seed) throws IOException {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Parameters written = learned(spec, networks);

        Parameters read = read(spec, bytes(written));

        assertThat(state(read)).isEqualTo(state(written));
        Batch batch = networks.batch(spec, 3);
        for (Parameters parameters : new Parameters[]{written, read}) {
            new Learner(parameters, Kernels.active(), 3).learn(batch);
        }
        assertThat(state(read)).isEqualTo(state(written));
    }

    @Test
    void bytesThatAreCutShortAreRefused() throws IOException {
        RandomNetworks networks = new RandomNetworks(1);
        NetworkSpec spec = networks.spec();
        byte[] bytes = bytes(learned(spec, networks));
        for (int length = 0; length < bytes.length; length += length < 200 ? 1 : 997) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> read(spec, cut)).as("%d of %d bytes", length, bytes.length)
                    .isInstanceOf(SavedModelException.class).hasMessageContaining("then the end");
        }
    }

    @Test
    void anyBitThatChangedIsSeen() throws IOException {
        RandomNetworks networks = new RandomNetworks(2);
        NetworkSpec spec = networks.spec();
        byte[] bytes = bytes(learned(spec, networks));
        for (int at = 0; at < bytes.length; at += at < 200 ? 1 : 101) {
            byte[] changed = bytes.clone();
            changed[at] ^= (byte) (1 << at % 8);
            assertThatThrownBy(() -> read(spec, changed)).as("byte %d", at).isInstanceOf(SavedModelException.class);
        }
    }

    @Test
    void theModelOfAnotherSpecIsRefused() throws IOException {
        RandomNetworks networks = new RandomNetworks(3);
        NetworkSpec spec = networks.spec();
        byte[] bytes = bytes(learned(spec, networks));

        assertThatThrownBy(() -> read(new RandomNetworks(4).spec(), bytes)).isInstanceOf(SavedModelException.class)
                .hasMessageContaining("another spec");
        assertThatThrownBy(() -> read(spec,
                "a text, surely no model".repeat(10).getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                .isInstanceOf(SavedModelException.class).hasMessage("expected a saved model, found other bytes");
    }

    private static Parameters learned(NetworkSpec spec, RandomNetworks networks) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, Kernels.active(), 4);
        for (int step = 0; step < 5; step++) {
            learner.learn(networks.batch(spec, networks.between(1, 4)));
        }
        return parameters;
    }

    private static byte[] bytes(Parameters parameters) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        SavedModel.write(parameters, out);
        return out.toByteArray();
    }

    private static Parameters read(NetworkSpec spec, byte[] bytes) throws IOException {
        return SavedModel.read(Plan.of(spec), new ByteArrayInputStream(bytes));
    }

    private static String state(Parameters parameters) {
        return ModelHash.state(ModelHash.weights(new byte[0], parameters), parameters, new byte[0]);
    }
}
