package io.tidegrad.model.spec;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.StreamRms;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What takes the place of `network` and `optimizer` in a spec whose author does not want to tune: a `Mixture` of members
/// that suit different streams, at rates that fall to a floor. `RecipeNetwork` makes the network of it.
///
/// @param members in the order in which they are mixed
/// @param rate of the first update
/// @param hidden units of the hidden layer
/// @param pull back to the first weights, of the members with a hidden layer
public record Recipe(List<Member> members, double rate, int hidden, double pull) {
    /// One learner of the mixture.
    public enum Member {
        /// A hidden layer at a low floor: it averages over much.
        STEADY(1, 0.05),
        /// A hidden layer at a high floor: it follows what changes.
        QUICK(1, 0.5),
        /// No hidden layer.
        LINEAR(0.5, 0.015),
        /// Like the steady one, with other first weights, and again with others when the members' loss has risen.
        RESTARTING(1, 0.05),
        /// Like the steady one, and reads of each number also which bucket between its quantiles it is in, so it learns sooner
        /// what is no line, and follows a number that has changed for good.
        BINNED(1, 0.05);

        private final double rate;
        private final double floor;

        /// @param rate of the first update, as a part of the recipe's rate; so is `floor`, the least
        Member(double rate, double floor) {
            this.rate = rate;
            this.floor = floor;
        }

        boolean isLinear() {
            return this == LINEAR;
        }
    }

    private static final double RATE = 0.02;
    private static final int HIDDEN = 64;
    private static final double PULL = 0.003;

    /// A number is nine inputs of the binned member, and one of another.
    private static final int BINNED_NUMBERS_MAX = 16;

    private static final Recipe AUTO =
            new Recipe(List.of(Member.STEADY, Member.QUICK, Member.LINEAR, Member.RESTARTING), RATE, HIDDEN, PULL);
    private static final Recipe RICH = new Recipe(List.of(Member.values()), RATE, HIDDEN, PULL);
    private static final Recipe LEAN = new Recipe(List.of(Member.STEADY, Member.LINEAR), RATE, HIDDEN, PULL);

    static final Form<Recipe> FORM = new Form<>("recipe", Recipe.class,
            keys -> new Recipe(
                    keys.optional("members", AUTO.members,
                            ValueType.list("members, like [steady, linear]", ValueType.oneOf(Member.values())),
                            Recipe::members),
                    keys.optional("rate", RATE, ValueType.RATE, Recipe::rate),
                    keys.optional("hidden", HIDDEN, ValueType.whole(1, Layers.UNITS_MAX), Recipe::hidden),
                    keys.optional("pull", PULL, ValueType.UP_TO_1000, Recipe::pull)));

    public Recipe {
        members = List.copyOf(members);
    }

    static Recipe read(SpecNode node) {
        if (node.is("auto")) {
            return AUTO;
        }
        if (node.is("lean")) {
            return LEAN;
        }
        if (node.is("rich")) {
            return RICH;
        }
        if (!node.isMapping()) {
            node.problem("expected auto, lean, rich, or a mapping like { members: [steady, linear], rate: 0.02 }");
            return AUTO;
        }
        Recipe read = FORM.read(node);
        if (read == null || read.members.isEmpty()) {
            return AUTO;
        }
        if (read.members.size() > read.members.stream().distinct().count()) {
            node.problem("expected each member once, found " + read.members.stream().map(Flow::name).toList());
        }
        if (read.members.equals(List.of(Member.RESTARTING))) {
            node.problem(
                    "expected another member beside restarting, which starts again when the others' loss has risen");
        } else if (read.members.stream().allMatch(member -> member == Member.RESTARTING || member == Member.BINNED)) {
            node.problem("expected steady, quick or linear beside binned, which is left out without numbers");
        }
        return read;
    }

    String canonical() {
        String keys = FORM.keysOf(this).toString();
        return equals(AUTO) ? "auto" : equals(LEAN) ? "lean" : equals(RICH) ? "rich" : keys;
    }

    /// The optimizer of the network around the members, of which nothing is left for it to update.
    StreamRms optimizer() {
        return optimizer(members.getFirst());
    }

    StreamRms optimizer(Member member) {
        return StreamRms.of(rate * member.rate, rate * member.floor, member.isLinear() ? 0 : pull);
    }

    /// The members that this label and these features let learn: labels that are numbers have no alarm that one could start
    /// again at, and there may be no numbers to divide, or so many that it would cost more than it gives.
    List<Member> members(Loss loss, List<Feature> features) {
        long numbers = features.stream().filter(Feature.Number.class::isInstance).count();
        return members.stream().filter(member -> switch (member) {
            case RESTARTING -> !(loss instanceof MeanSquaredError);
            case BINNED -> numbers > 0 && numbers <= BINNED_NUMBERS_MAX;
            case STEADY, QUICK, LINEAR -> true;
        }).toList();
    }

    /// What `loss` is unless the spec says it.
    static @Nullable Loss loss(SpecNode label) {
        if (label.has("classes")) {
            return new CategoricalCrossEntropy(false, true, 0, List.of(), null);
        }
        return label.has("threshold") || label.has("positive") ? new BinaryCrossEntropy() : null;
    }

    /// Whether a label says nothing of what it means, so that events have to say it.
    ///
    /// @param label null: it comes with each example of a stream
    static boolean isOpen(@Nullable SpecNode label) {
        return label == null || loss(label) == null && !label.has("kind");
    }

    private static boolean isPlain(Loss loss) {
        return loss.equals(new BinaryCrossEntropy()) || loss instanceof MeanSquaredError
                || loss.equals(new CategoricalCrossEntropy(false, true, 0, List.of(), null));
    }

    /// Reports what a recipe can't learn.
    ///
    /// @param loss null: it is not known yet
    /// @param outputs classes, or 1
    static void check(SpecNode recipe, @Nullable Loss loss, ModelSpec.Label.Kind kind, ModelSpec.LateLabels late,
            int outputs) {
        if (loss != null && !isPlain(loss)) {
            recipe.problem("a recipe learns by binary-cross-entropy, categorical-cross-entropy or mean-squared-error"
                    + " without settings; found " + Losses.FORMS.inBraces(loss));
        }
        if (kind != ModelSpec.Label.Kind.ONE) {
            recipe.problem("a recipe learns a label that is one value, not a list");
        }
        if (late == ModelSpec.LateLabels.FNW) {
            recipe.problem("a recipe can't weigh fake negatives: expected late-labels: relearn or ignore");
        }
        if (loss instanceof CategoricalCrossEntropy && outputs < 2) {
            recipe.problem("a recipe needs to know the classes: expected label: { classes: … }, their names or number");
        }
    }
}
