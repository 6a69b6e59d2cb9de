package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.List;

/// Members that read the same and learn the same, each by its own loss, and whose predictions are mixed by how good they
/// have been. Members are independent of one another until they are mixed, in their order; so a portfolio of a cautious,
/// a fast and a linear learner predicts about as well as the one that suits the stream, and mostly better.
///
/// A member's output is what its loss takes: a logit, or one for each class, or a number in deviations of the label. The
/// mixture's output is that of the mixed prediction, so the network's loss reads it like any network's. Backward ignores
/// the slope of that loss and gives each member the slope of its own: p - y.
///
/// **Classes** (`Target.CLASSES`; `YES_NO` likewise with the classes no and yes). With p_mk what member m gives class k, y
/// the label, and l_mk = ln max(p_mk, 1e-6), centred over k:
///
/// - stacking: q = softmax over k of Σ_m v_m l_mk, where v starts at 1/M; v_m -= η Σ_k (q_k - y_k) l_mk, η = max(5e-4,
///   5e-3 / sqrt(1 + (t - 1) / 100)) at row t.
/// - fixed share (Herbster & Warmuth 1998) over the M members and q: w ∝ w max(p_y, 1e-6)^0.3; w = 0.999 w + 0.001 / (M +
///   1). The prediction is Σ w p.
/// - the member `restarted`, if any, starts again when the loss of the others' mixture has risen: with its running means F
///   over 100 and S over 2,000 rows and its variance V, if F - S > 5 sqrt(V / 200) and more than 300 rows came since.
///
/// **Numbers** (`Target.NUMBER`): the label is standardised by its running mean μ and deviation s, as by `RunningScale`; an
/// error beyond ±3 counts as ±3; w ∝ w e^(-0.3 min(|error| / ē, 20)), where ē is the running mean (weight max(1 / t,
/// 0.001)) of the smallest |error|; share as above, over M. The prediction is μ + s Σ w p.
///
/// A row may come with what members gave it when it was predicted (`Batch.setMemberOutputs`), long before its label: then
/// that is what the mixture's weights, and the alarm, judge members by. What they give it now, they may have learned from
/// labels of rows just like it: with labels 256 rows late, log loss on elec2 was 0.82 by the latter, 0.52 by the former.
///
/// A row of weight ω multiplies slopes, η and 0.3 by ω, the latter two by at most 1. In a mini-batch all rows are predicted
/// before the first is learned, so without such outputs, too, members are judged by what they give when the row comes.
///
/// State of classes: t, v by member, w by member and of q, F, S, V, rows since the last restart, restarts, updates before
/// the last one. Of numbers: t, w by member, the label's count, μ, variance, ē.
///
/// @param members one output each, or as many as classes
/// @param restarted the member that starts again; `NONE` for none
public record Mixture(List<Layer> members, Target target, int restarted) implements Layer {
    public static final int NONE = -1;

    /// What members predict.
    public enum Target {
        CLASSES, YES_NO, NUMBER
    }

    public Mixture {
        members = List.copyOf(members);
        if (restarted != NONE && (target == Target.NUMBER || restarted < 0 || restarted >= members.size())) {
            throw new IllegalArgumentException("mixture: expected a member that starts again from 0 to "
                    + (members.size() - 1) + " of one that predicts classes, or -1 for none; found " + restarted);
        }
    }

    @Override
    public List<Layer> layers() {
        return members;
    }

    @Override
    public Layer withLayers(List<Layer> layers) {
        return new Mixture(layers, target, restarted);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        if (members.isEmpty()) {
            throw planner.mismatch(this, "at least one member", "none");
        }
        int size = members.size();
        int statistics = planner.declare(new Tensor.Statistics(planner.name("weights"), switch (target) {
            case CLASSES, YES_NO -> MixtureOfClasses.state(size);
            case NUMBER -> MixtureOfNumbers.state(size);
        }));
        int first = planner.declared();
        List<Planned> planned = new ArrayList<>();
        for (int m = 0; m < size; m++) {
            int from = planner.declared();
            Planned member = planner.apart().plan(m, members.get(m), input).flat();
            if (m == restarted) {
                planner.declareRestart(MixtureOfClasses.restart(statistics, size, from, planner.declared()));
            }
            planned.add(member);
            int width = member.output().width();
            if (width != planned.getFirst().output().width() || width != 1 && target != Target.CLASSES) {
                throw planner.mismatch(this, target == Target.CLASSES ? "members with as many outputs as the first"
                        : "members with one output", member.output().toString());
            }
        }
        Shape.Grid output = planned.getFirst().output();
        planner.declareMixture(switch (target) {
            case CLASSES, YES_NO -> MixtureOfClasses.shares(statistics, size, planner.name(""));
            case NUMBER -> MixtureOfNumbers.shares(statistics, size, planner.name(""));
        }, size * output.width());
        long weights = planner.weightsOfARow(first);
        int inputLines = input instanceof Shape.Grid grid ? grid.lines() : 0;
        return new Planned(output, true, (workspace, x, into) -> {
            Branch[] branches = Branch.bind(workspace, planned, x).toArray(Branch[]::new);
            for (Branch branch : branches) {
                workspace.addMember(new Watched("a member", 1, output.width(), branch.pass().output(), false));
            }
            Activation y = workspace.activation(output, true);
            return switch (target) {
                case CLASSES, YES_NO -> new MixtureOfClasses(branches, statistics, inputLines, x, y, weights,
                        output.width(), restarted, workspace);
                case NUMBER -> new MixtureOfNumbers(branches, statistics, inputLines, x, y, weights);
            };
        });
    }
}
