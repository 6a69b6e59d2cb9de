package io.tidegrad.scorer;

import io.tidegrad.control.ControlIntake;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.proof.Breaker;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// A scorer with one of the mistakes of `Breaker`.
public final class BreakableScorer {
    private BreakableScorer() {}

    public static Scorer open(Breaker breaker, ScorerOptions options) {
        Map<String, Parameters> only = new ConcurrentHashMap<>();
        return switch (breaker) {
            case OVERWRITES_WHAT_IS_SERVED ->
                Scorer.open(options, plan -> only.computeIfAbsent("only", key -> Parameters.served(plan)),
                        new Succession(), new ControlIntake(options.model()));
            case ADMITS_AN_EPOCH_THAT_IS_OVER, SERVES_A_FILE_THAT_IS_OVER ->
                Scorer.open(options, Parameters::served, new EpochBlind(), new ControlIntake(options.model()));
            default -> Scorer.open(options);
        };
    }

    /// Takes a higher version for a newer one, whatever its epoch is.
    private static final class EpochBlind extends Succession {
        @Override
        boolean isOver(String model, int epoch) {
            return false;
        }

        @Override
        boolean isAbove(int epoch, long version, int otherEpoch, long otherVersion) {
            return epoch > otherEpoch || version > otherVersion;
        }
    }
}
