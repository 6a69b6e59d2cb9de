package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot.Form;
import io.tidegrad.model.snapshot.PublishedSnapshot.Moment;
import io.tidegrad.model.snapshot.PublishedSnapshot.Parent;
import io.tidegrad.model.snapshot.Verification.Refused;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SignatureTest {
    /// Of `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` (OpenSSL 3.0).
    private static final String PRIVATE = """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEIH7+8SavlZjn+rHtmTluP7/GxK2FEFLmiO4+46ne1osh
            -----END PRIVATE KEY-----
            """;

    private static final String PUBLIC = """
            -----BEGIN PUBLIC KEY-----
            MCowBQYDK2VwAyEADTVGLTn3vq8Yj3InqtvSI4oSdZclGnWcuPvfPcEcmE8=
            -----END PUBLIC KEY-----
            """;

    @TempDir
    Path directory;

    private final OnlineModel model = OnlineModel.initial(Specs.flights(), new ScalarKernels());
    private final Featurizer featurizer = new Featurizer(Specs.flights());

    private Path file(String text) throws IOException {
        return Files.writeString(Files.createTempFile(directory, "key", ".pem"), text);
    }

    private PublishedSnapshot full(@Nullable PrivateKey key) {
        model.accept(Specs.row(featurizer, Specs.flight(1)));
        PublishedSnapshot full = PublishedSnapshot.full(model, new Moment(model.weightsHash(), 1, 1, 1, true, 1),
                new Form(PartCompression.NONE, key));
        model.parameters().changes().clear();
        return full;
    }

    private static Verification verify(PublicKey key, SnapshotManifest manifest, PublishedSnapshot of,
            @Nullable LoadedModel parent) {
        List<byte[]> parts =
                of.records().subList(0, of.records().size() - 1).stream().map(SnapshotEntry::value).toList();
        return new SnapshotVerifier("flight-delay", new ScalarKernels(), 1 << 24, key, Parameters::served)
                .verify(SnapshotManifest.decode(manifest.encode()), parts, parent);
    }

    @Test
    void whatTheKeyOfOpensslSignedIsAdmittedFullOrDelta() throws IOException {
        PrivateKey key = ManifestKeys.privateKey(file(PRIVATE));
        PublicKey expected = ManifestKeys.publicKey(file("some text before\n" + PUBLIC));
        PublishedSnapshot full = full(key);
        assertThat(full.manifest().isSigned()).isTrue();
        Verification first = verify(expected, full.manifest(), full, null);
        assertThat(first).isInstanceOf(Verification.Admitted.class);
        model.accept(Specs.row(featurizer, Specs.flight(2)));
        PublishedSnapshot delta = PublishedSnapshot.delta(model, new Moment(model.weightsHash(), 1, 2, 2, true, 2),
                new Parent(full.manifest().version(), full.manifest().chain()), new Form(PartCompression.ZSTD, key));
        assertThat(verify(expected, delta.manifest(), delta, ((Verification.Admitted) first).model()))
                .isInstanceOf(Verification.Admitted.class);
    }

    @Test
    void aManifestWithoutSignatureOrWithAnothersOrChangedIsRefused() throws IOException, GeneralSecurityException {
        PublicKey expected = ManifestKeys.publicKey(file(PUBLIC));
        PublishedSnapshot unsigned = full(null);
        assertThat(verify(expected, unsigned.manifest(), unsigned, null)).isEqualTo(new Refused(unsigned.manifest(),
                RefusalReason.SIGNATURE, "expected a signed manifest, found one without signature"));
        PrivateKey foreign = KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPrivate();
        PublishedSnapshot others = full(foreign);
        assertThat(verify(expected, others.manifest(), others, null)).isEqualTo(new Refused(others.manifest(),
                RefusalReason.SIGNATURE, "expected a signature by the given key, found one by another key"));
        PrivateKey key = ManifestKeys.privateKey(file(PRIVATE));
        PublishedSnapshot signed = full(key);
        SnapshotManifest pasted = unsigned.manifest().signed(bytes -> signed.manifest().signature());
        assertThat(((Refused) verify(expected, pasted, unsigned, null)).reason()).isEqualTo(RefusalReason.SIGNATURE);
        SnapshotManifest garbage = signed.manifest().signed(bytes -> new byte[]{1, 2, 3});
        assertThat(((Refused) verify(expected, garbage, signed, null)).reason()).isEqualTo(RefusalReason.SIGNATURE);
    }

    /// The weights-hash is among what is signed, so other weights can't be put under a signature.
    @Test
    void otherWeightsUnderASignedManifestAreRefused() throws IOException {
        PrivateKey key = ManifestKeys.privateKey(file(PRIVATE));
        PublishedSnapshot signed = full(key);
        PublishedSnapshot other = full(key);
        SnapshotManifest first = signed.manifest();
        Verification verification = verify(ManifestKeys.publicKey(file(PUBLIC)), first, other, null);
        assertThat(verification).isInstanceOf(Refused.class);
    }

    @Test
    void aFileThatHoldsNoSuchKeyIsRefusedWithItsName() throws IOException {
        Path missing = directory.resolve("none.pem");
        assertThatThrownBy(() -> ManifestKeys.publicKey(missing))
                .hasMessage(missing + ": expected a PEM file, found none");
        Path swapped = file(PUBLIC);
        assertThatThrownBy(() -> ManifestKeys.privateKey(swapped))
                .hasMessage(swapped + ": expected a line -----BEGIN PRIVATE KEY----- and its end, found none");
        Path broken = file(PUBLIC.replace("MCow", "MCox"));
        assertThatThrownBy(() -> ManifestKeys.publicKey(broken))
                .hasMessageStartingWith(broken + ": expected a public key of Ed25519");
        Path cut = file(PRIVATE.replace("MC4C", "A"));
        assertThatThrownBy(() -> ManifestKeys.privateKey(cut)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(cut.toString());
    }
}
