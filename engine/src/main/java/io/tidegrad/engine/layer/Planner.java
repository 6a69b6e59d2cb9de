package io.tidegrad.engine.layer;

import io.tidegrad.engine.optim.Optimizer;
import java.util.ArrayList;
import java.util.List;

/// Collects the tensors that layers declare, in the order of the tree: the plan order, which determines names, places
/// in the streams and the random streams of the initialisation.
///
/// A place in the tree is written as PyTorch's `Sequential` does: `2` is the third layer, `0.1` the second branch of
/// the first; a tensor is `2.weight`.
public final class Planner {
    private final String path;
    private final UpdateRule rule;
    private final List<Learned> learned; // in plan order
    private final Declared declared;

    /// What a layer has learned of a number, or of a value.
    ///
    /// @param tensor that says it
    record Learned(Layer layer, int tensor) {
    }

    /// The declarations, shared by all planners of a network.
    private static final class Declared {
        final Shape.Row row;
        final List<Tensor> tensors = new ArrayList<>();
        final List<UpdateRule> rules = new ArrayList<>(); // by tensor
        final List<Restart> restarts = new ArrayList<>();
        final List<MemberShares> mixtures = new ArrayList<>();
        int inputBounds;
        int memberOutputs;
        int randomStreams;
        boolean learnsDifferently;

        Declared(Shape.Row row) {
            this.row = row;
        }
    }

    /// @param row the shape of a row
    public Planner(Shape.Row row) {
        this("", UpdateRule.PLAIN, new ArrayList<>(), new Declared(row));
    }

    private Planner(String path, UpdateRule rule, List<Learned> learned, Declared declared) {
        this.path = path;
        this.rule = rule;
        this.learned = learned;
        this.declared = declared;
    }

    /// The planner of a layer inside this one.
    public Planner child(int index) {
        return child("" + index);
    }

    /// The planner of a layer inside this one, by name instead of number.
    Planner child(String name) {
        return new Planner(name(name), rule, learned, declared);
    }

    /// A planner for the same place whose tensors have their rate multiplied by `factor`.
    Planner withRate(double factor) {
        return new Planner(path, rule.withRate(factor), learned, declared);
    }

    /// A planner for the same place whose tensors are updated by `optimizer`.
    Planner withOptimizer(Optimizer optimizer) {
        return new Planner(path, rule.withOptimizer(optimizer), learned, declared);
    }

    /// A planner for the same place whose tensors have a bound of their own on their inputs.
    Planner withInputBound() {
        return new Planner(path, rule.withInputBound(++declared.inputBounds), learned, declared);
    }

    /// A planner for the same place, of layers that know nothing of what other layers have learned.
    Planner apart() {
        return new Planner(path, rule, new ArrayList<>(), declared);
    }

    /// Declares that a tensor says what a layer has learned, for others that read it.
    void declareLearned(Layer layer, int tensor) {
        learned.add(new Learned(layer, tensor));
    }

    /// What was declared so far of what layers have learned, in plan order. All of it is there when passes are bound.
    List<Learned> learned() {
        return learned;
    }

    /// The number of the bound that this planner's tensors lie in.
    int inputBound() {
        return rule.inputBound();
    }

    /// The number of tensors declared so far.
    int declared() {
        return declared.tensors.size();
    }

    /// How many weights a row meets in matrices and tables that were declared from number `first` on.
    long weightsOfARow(int first) {
        long weights = 0;
        for (Tensor tensor : declared.tensors.subList(first, declared())) {
            weights += switch (tensor) {
                case Tensor.Table table -> (long) table.reads() * table.columns();
                case Tensor.Matrix matrix -> (long) matrix.rows() * matrix.columns();
                case Tensor.Vector _,Tensor.Statistics _ -> 0;
            };
        }
        return weights;
    }

    /// Declares that tensors can start again.
    void declareRestart(Restart restart) {
        declared.restarts.add(restart);
    }

    /// Declares that the network's predictions are mixed from the outputs of members.
    ///
    /// @param outputs of all members together, for a row
    void declareMixture(MemberShares shares, int outputs) {
        declared.mixtures.add(shares);
        declared.memberOutputs += outputs;
    }

    /// How the members of mixtures are weighed.
    public List<MemberShares> mixtures() {
        return List.copyOf(declared.mixtures);
    }

    /// The outputs of all members of mixtures, for a row.
    public int memberOutputs() {
        return declared.memberOutputs;
    }

    /// The tensors that can start again.
    public List<Restart> restarts() {
        return List.copyOf(declared.restarts);
    }

    /// Plans inner layer number `index`.
    Planned plan(int index, Layer layer, Shape input) {
        return child(index).plan(layer, input);
    }

    /// Plans the layer at this place and lets a learner check its output for faults.
    public Planned plan(Layer layer, Shape input) {
        return watched(layer, layer.plan(this, input));
    }

    /// Likewise, for a layer at this place that has been planned in another way.
    Planned watched(Layer layer, Planned planned) {
        return watched(layer, planned, cuts(layer));
    }

    /// @param cuts as in `Watched`
    Planned watched(Layer layer, Planned planned, boolean cuts) {
        String place = place(layer);
        return new Planned(planned.output(), planned.trainable(), (workspace, x, into) -> {
            Pass pass = planned.binding().bind(workspace, x, into);
            workspace.watch(place, planned.output(), pass.output(), cuts);
            return pass;
        });
    }

    /// Those are 0 far below 0 with a slope of 0, so that a unit that stays there learns nothing.
    private static boolean cuts(Layer layer) {
        return layer instanceof Relu || layer instanceof Gelu || layer instanceof Silu || layer instanceof Softplus;
    }

    /// All tensors declared so far by the planners of this network.
    public List<Tensor> tensors() {
        return List.copyOf(declared.tensors);
    }

    /// Whether a layer's output differs between learning and prediction (`Step.learns`).
    public boolean learnsDifferently() {
        return declared.learnsDifferently;
    }

    /// The shape of the network's row, for inner layers that also read from the row.
    Shape.Row row() {
        return declared.row;
    }

    /// How each tensor is updated.
    public List<UpdateRule> rules() {
        return List.copyOf(declared.rules);
    }

    String name(String parameter) {
        return path.isEmpty() ? parameter : path + "." + parameter;
    }

    /// Declares a tensor. Returns its index, by which passes find its storage in a slab.
    int declare(Tensor tensor) {
        declared.tensors.add(tensor);
        declared.rules.add(rule);
        return declared.tensors.size() - 1;
    }

    /// Declares a vector, padded like an activation of the same width.
    int declareVector(String parameter, int width, Tensor.Vector.Role role) {
        return declareVector(parameter, width, Workspace.padded(width), role);
    }

    int declareVector(String parameter, int width, int stride, Tensor.Vector.Role role) {
        return declare(new Tensor.Vector(name(parameter), width, stride, role));
    }

    /// Declares a random stream for a layer's draws while learning. Returns its number in tree order: `Step.purpose`.
    int declareRandomStream() {
        return declared.randomStreams++;
    }

    /// Declares that the layer's output differs between learning and prediction.
    void declareLearnsDifferently() {
        declared.learnsDifferently = true;
    }

    /// The grid that a layer reads, with any columns. Refuses the row itself.
    Shape.Grid grid(Layer layer, Shape input) {
        return switch (input) {
            case Shape.Grid grid -> grid;
            case Shape.Row row ->
                throw mismatch(layer, "a vector, from numbers or an embedding before it", row.toString());
        };
    }

    /// Plans a layer that needs its input's columns along a certain axis; copies the input if they are along another.
    Planned reading(Layer layer, Shape input, Shape.Columns columns, Reader reader) {
        Shape.Grid found = grid(layer, input);
        Shape.Grid wanted = found.with(columns);
        Planned planned = reader.plan(wanted);
        return wanted.equals(found) ? planned : Arrange.relayout(found, wanted).then(planned);
    }

    @FunctionalInterface
    interface Reader {
        Planned plan(Shape.Grid input);
    }

    Shape.Row row(Layer layer, Shape input) {
        return switch (input) {
            case Shape.Row row -> row;
            case Shape.Grid grid -> throw mismatch(layer, "the row itself, without a layer before it", grid.toString());
        };
    }

    ShapeException mismatch(Layer layer, String expected, String found) {
        return new ShapeException(place(layer), expected, found);
    }

    private String place(Layer layer) {
        String kind = layer.getClass().getSimpleName();
        return path.isEmpty() ? "the network (" + kind + ")" : "layer " + path + " (" + kind + ")";
    }
}
