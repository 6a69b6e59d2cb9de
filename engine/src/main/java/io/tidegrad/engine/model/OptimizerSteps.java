package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.layer.Restart;
import io.tidegrad.engine.layer.Slab;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.UpdateRule;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The optimizer's scalars for each tensor in a step. Tensors that are updated by the same rule, and both with or both without
/// penalty, share them; they are computed once per step. The rate before a layer's factor is computed once for all groups of an
/// optimizer: a recipe has three such groups for each of its members, and a rate that falls takes a root and divisions.
final class OptimizerSteps {
    private final NetworkSpec spec;
    private final Plan plan;
    private final List<Pace> paces = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();
    private final OptimizerStep[] ofTensors;

    /// Tensors that share their scalars.
    private static final class Group {
        final UpdateRule rule;
        final boolean penalised;
        final Pace pace;
        final OptimizerStep step = new OptimizerStep();
        double rate; // of the update that was prepared last
        double used = Double.NaN; // the same with what an input bound made of it

        Group(UpdateRule rule, boolean penalised, Pace pace) {
            this.rule = rule;
            this.penalised = penalised;
            this.pace = pace;
        }
    }

    /// Groups of one optimizer that count their updates alike.
    private static final class Pace {
        final Optimizer optimizer;
        final @Nullable Restart restart;
        long t; // the update that was prepared last
        double rate; // of that update, before a layer's factor

        Pace(Optimizer optimizer, @Nullable Restart restart) {
            this.optimizer = optimizer;
            this.restart = restart;
        }
    }

    OptimizerSteps(Plan plan) {
        this.plan = plan;
        spec = plan.spec();
        OptimizerStep frozen = OptimizerStep.of(OptimizerStep.Kind.FROZEN);
        ofTensors = new OptimizerStep[plan.tensors().size()];
        for (int tensor = 0; tensor < ofTensors.length; tensor++) {
            ofTensors[tensor] = plan.isFrozen(tensor) ? frozen : group(tensor).step;
        }
    }

    private Group group(int tensor) {
        UpdateRule rule = plan.rule(tensor);
        boolean penalised = isPenalised(tensor);
        Pace pace = pace(tensor);
        for (Group group : groups) {
            if (group.rule.equals(rule) && group.penalised == penalised && group.pace == pace) {
                return group;
            }
        }
        Group group = new Group(rule, penalised, pace);
        if (penalised) {
            group.step.l1 = (float) spec.regularization().l1();
            group.step.l2 = (float) spec.regularization().l2();
        }
        groups.add(group);
        return group;
    }

    private Pace pace(int tensor) {
        Optimizer optimizer = plan.optimizer(tensor);
        Restart restart = plan.restarts().stream().filter(each -> each.has(tensor)).findFirst().orElse(null);
        for (Pace pace : paces) {
            if (pace.optimizer.equals(optimizer) && Objects.equals(pace.restart, restart)) {
                return pace;
            }
        }
        Pace pace = new Pace(optimizer, restart);
        paces.add(pace);
        return pace;
    }

    private boolean isPenalised(int tensor) {
        return switch (spec.regularization().scope()) {
            case ALL -> true;
            case WEIGHTS -> !(plan.tensors().get(tensor) instanceof Tensor.Vector vector
                    && vector.role() == Tensor.Vector.Role.BIAS);
        };
    }

    /// Prepares update `t`; the first one is 1. What has started again counts its updates from there.
    ///
    /// @param multiplier of the scheduled rate
    void prepare(long t, double multiplier, Slab slab) {
        for (int i = 0; i < paces.size(); i++) {
            Pace pace = paces.get(i);
            double scheduled = multiplier * spec.schedule().rate(pace.optimizer.rate(), t - 1);
            pace.t = pace.restart == null ? t : t - pace.restart.since(slab);
            pace.rate = pace.optimizer.rateAt(pace.t, scheduled);
        }
        for (int i = 0; i < groups.size(); i++) {
            Group group = groups.get(i);
            group.pace.optimizer.prepare(group.pace.t, group.step);
            group.rate = group.pace.rate * group.rule.rateFactor();
            group.used = group.rate;
            group.pace.optimizer.setRate(group.rate, group.step);
        }
    }

    /// The rate of a tensor's newest update; 0 if it is frozen, NaN before the first update.
    double rate(int tensor) {
        return plan.isFrozen(tensor) ? 0 : group(tensor).used;
    }

    /// Multiplies the rate of the tensors of an input bound, in the update that is prepared.
    void multiplyRate(int bound, double factor) {
        for (int i = 0; i < groups.size(); i++) {
            Group group = groups.get(i);
            if (group.rule.inputBound() == bound) {
                group.used = group.rate * factor;
                group.pace.optimizer.setRate(group.used, group.step);
            }
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
