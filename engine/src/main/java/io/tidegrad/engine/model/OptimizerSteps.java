package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.optim.Regularization;
import java.util.Arrays;
import java.util.List;

/// What the optimizer does to each tensor in a step: tensors that are treated alike (with the penalty, or without) share
/// their scalars, which are computed once a step.
final class OptimizerSteps {
    private final NetworkSpec spec;
    private final OptimizerStep[] groups;
    private final OptimizerStep[] ofTensors;

    OptimizerSteps(Plan plan) {
        spec = plan.spec();
        Regularization regularization = spec.regularization();
        OptimizerStep penalised = new OptimizerStep();
        penalised.l1 = (float) regularization.l1();
        penalised.l2 = (float) regularization.l2();
        OptimizerStep free = new OptimizerStep();
        List<Tensor> tensors = plan.tensors();
        ofTensors = new OptimizerStep[tensors.size()];
        for (int tensor = 0; tensor < ofTensors.length; tensor++) {
            ofTensors[tensor] = isPenalised(tensors.get(tensor)) ? penalised : free;
        }
        groups = Arrays.stream(ofTensors).distinct().toArray(OptimizerStep[]::new);
    }

    private boolean isPenalised(Tensor tensor) {
        return switch (spec.regularization().scope()) {
            case ALL -> true;
            case WEIGHTS ->
                    !(tensor instanceof Tensor.Vector vector
                            && vector.role() == Tensor.Vector.Role.BIAS);
        };
    }

    /// Prepares update `t`, 1 for the first.
    void prepare(long t) {
        for (OptimizerStep group : groups) {
            spec.optimizer().prepare(t, group);
        }
    }

    /// Tensor → its scalars.
    OptimizerStep[] ofTensors() {
        return ofTensors;
    }

    /// l1 Σ|w| + l2/2 Σ w² over the penalised tensors, in doubles; 0 without regularization, at no cost.
    double penalty(Parameters parameters) {
        Regularization regularization = spec.regularization();
        double penalty = 0;
        if (regularization.equals(Regularization.NONE)) {
            return penalty;
        }
        List<Tensor> tensors = parameters.plan().tensors();
        for (int tensor = 0; tensor < ofTensors.length; tensor++) {
            if (isPenalised(tensors.get(tensor))
                    && parameters.slab().storage(tensor) instanceof Storage.Floats floats) {
                penalty += penalty(regularization, tensors.get(tensor), floats);
            }
        }
        return penalty;
    }

    private static double penalty(
            Regularization regularization, Tensor tensor, Storage.Floats floats) {
        double magnitudes = 0;
        double squares = 0;
        for (int row = 0; row < tensor.rows(); row++) {
            float[] array = floats.array(0, row);
            for (int column = 0; column < tensor.columns(); column++) {
                double w = array[floats.index(0, row, column)];
                magnitudes += Math.abs(w);
                squares += w * w;
            }
        }
        return regularization.l1() * magnitudes + regularization.l2() / 2 * squares;
    }
}
