package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.List;

/// Collects the tensors that layers declare, in the order of the tree: that order is the plan order, which fixes names,
/// places in the streams and the random streams of the initialisation.
///
/// A place in the tree is written as PyTorch's `Sequential` does: `2` is the third layer, `0.1` the second branch of
/// the first; a tensor is `2.weight`.
public final class Planner {
    private final String path;
    private final double rateFactor;
    private final Declared declared;

    /// What all planners of a network write to.
    private static final class Declared {
        final Shape.Row row;
        final List<Tensor> tensors = new ArrayList<>();
        final List<Double> rateFactors = new ArrayList<>(); // of the tensors
        int randomStreams;
        boolean learnsDifferently;

        Declared(Shape.Row row) {
            this.row = row;
        }
    }

    /// @param row what a row holds
    public Planner(Shape.Row row) {
        this("", 1, new Declared(row));
    }

    private Planner(String path, double rateFactor, Declared declared) {
        this.path = path;
        this.rateFactor = rateFactor;
        this.declared = declared;
    }

    /// The planner of a layer inside this one.
    public Planner child(int index) {
        return child("" + index);
    }

    /// The planner of a layer inside this one that has a name instead of a number.
    Planner child(String name) {
        return new Planner(name(name), rateFactor, declared);
    }

    /// The same place, at a rate of its own.
    Planner withRate(double factor) {
        return new Planner(path, rateFactor * factor, declared);
    }

    /// Plans the layer inside this one that has this number.
    Planned plan(int index, Layer layer, Shape input) {
        return child(index).plan(layer, input);
    }

    /// Plans the layer that stands here; a learner can look at what it puts out.
    public Planned plan(Layer layer, Shape input) {
        return watched(layer, layer.plan(this, input));
    }

    /// The same, of a layer that stands here and has been planned otherwise.
    Planned watched(Layer layer, Planned planned) {
        String place = place(layer);
        return new Planned(planned.output(), planned.trainable(), (workspace, x, into) -> {
            Pass pass = planned.binding().bind(workspace, x, into);
            workspace.watch(place, planned.output(), pass.output());
            return pass;
        });
    }

    /// Everything declared so far, by this planner and those it is related to.
    public List<Tensor> tensors() {
        return List.copyOf(declared.tensors);
    }

    /// Whether some layer puts out something else while it learns (`Step.learns`).
    public boolean learnsDifferently() {
        return declared.learnsDifferently;
    }

    /// The row that the network reads, for layers in the middle of it that also read from the row.
    Shape.Row row() {
        return declared.row;
    }

    /// Tensor → by what its rate is multiplied; 0 where it is frozen.
    public List<Double> rateFactors() {
        return List.copyOf(declared.rateFactors);
    }

    String name(String parameter) {
        return path.isEmpty() ? parameter : path + "." + parameter;
    }

    /// Returns the tensor's index, by which passes find its storage in a slab.
    int declare(Tensor tensor) {
        declared.tensors.add(tensor);
        declared.rateFactors.add(rateFactor);
        return declared.tensors.size() - 1;
    }

    /// A random stream for what a layer draws while it learns, numbered in the order of the tree: `Step.purpose`.
    int declareRandomStream() {
        return declared.randomStreams++;
    }

    /// Says that the layer puts out something else while it learns.
    void declareLearnsDifferently() {
        declared.learnsDifferently = true;
    }

    /// The numbers that a layer reads, whichever way they lie.
    Shape.Grid grid(Layer layer, Shape input) {
        return switch (input) {
            case Shape.Grid grid -> grid;
            case Shape.Row row ->
                throw mismatch(layer, "a vector, so that numbers or an embedding come first", row.toString());
        };
    }

    /// A layer that wants its columns along a certain axis: what it reads is copied if they lie otherwise.
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
            case Shape.Grid grid ->
                throw mismatch(layer, "the row itself, so that nothing comes before it", grid.toString());
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
