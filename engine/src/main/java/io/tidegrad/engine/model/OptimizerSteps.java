package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import java.util.ArrayList;
import java.util.List;

/// The optimizer's scalars for each tensor in a step. Tensors with the same rate, and both with or both without
/// penalty, share them; they are computed once per step.
final class OptimizerSteps {
    private final NetworkSpec spec;
    private final Plan plan;
    private final List<Group> groups = new ArrayList<>();
    private final OptimizerStep[] ofTensors;

    /// Tensors that share their scalars.
    private record Group(double rateFactor, boolean penalised, OptimizerStep step) {
    }

    OptimizerSteps(Plan plan) {
        this.plan = plan;
        spec = plan.spec();
        OptimizerStep frozen = OptimizerStep.of(OptimizerStep.Kind.FROZEN);
        ofTensors = new OptimizerStep[plan.tensors().size()];
        for (int tensor = 0; tensor < ofTensors.length; tensor++) {
            ofTensors[tensor] = plan.isFrozen(tensor) ? frozen : group(plan.rateFactor(tensor), isPenalised(tensor));
        }
    }

    private OptimizerStep group(double rateFactor, boolean penalised) {
        for (Group group : groups) {
            if (group.rateFactor == rateFactor && group.penalised == penalised) {
                return group.step;
            }
        }
        OptimizerStep step = new OptimizerStep();
        if (penalised) {
            step.l1 = (float) spec.regularization().l1();
            step.l2 = (float) spec.regularization().l2();
        }
        groups.add(new Group(rateFactor, penalised, step));
        return step;
    }

    private boolean isPenalised(int tensor) {
        return switch (spec.regularization().scope()) {
            case ALL -> true;
            case WEIGHTS -> !(plan.tensors().get(tensor) instanceof Tensor.Vector vector
                    && vector.role() == Tensor.Vector.Role.BIAS);
        };
    }

    /// Prepares update `t`; the first one is 1.
    ///
    /// @param multiplier of the scheduled rate
    void prepare(long t, double multiplier) {
        Optimizer optimizer = spec.optimizer();
        double rate = multiplier * spec.schedule().rate(optimizer.rate(), t - 1);
        for (int i = 0; i < groups.size(); i++) {
            Group group = groups.get(i);
            optimizer.prepare(t, group.step);
            optimizer.setRate(rate * group.rateFactor, group.step);
        }
    }

    /// The scalars by tensor index.
    OptimizerStep[] ofTensors() {
        return ofTensors;
    }

    /// The penalty l1 Σ|w| + l2/2 Σ w² over the penalised tensors that learn, in doubles; 0 without regularization,
    /// without reading weights.
    double penalty(Parameters parameters) {
        Regularization regularization = spec.regularization();
        double penalty = 0;
        if (regularization.equals(Regularization.NONE)) {
            return penalty;
        }
        List<Tensor> tensors = plan.tensors();
        for (int tensor = 0; tensor < ofTensors.length; tensor++) {
            if (isPenalised(tensor) && !plan.isFrozen(tensor)
                    && parameters.slab().storage(tensor) instanceof Storage.Floats floats) {
                penalty += penalty(regularization, tensors.get(tensor), floats);
            }
        }
        return penalty;
    }

    private static double penalty(Regularization regularization, Tensor tensor, Storage.Floats floats) {
        double[] sums = new double[2]; // of magnitudes, of squares
        floats.visit(tensor, 0, (array, index, number) -> {
            double w = array[index];
            sums[0] += Math.abs(w);
            sums[1] += w * w;
        });
        return regularization.l1() * sums[0] + regularization.l2() / 2 * sums[1];
    }
}
