package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.List;

/// Collects the tensors that layers declare, in the order of the tree: that order is the plan order, which fixes names,
/// places in the streams and the random streams of the initialisation.
///
/// A place in the tree is written as PyTorch's `Sequential` does: `2` is the third layer, `0.1` the second branch of the
/// first; a tensor is `2.weight`.
public final class Planner {
    private final String path;
    private final double rateFactor;
    private final List<Tensor> tensors;
    private final List<Double> rateFactors; // of the tensors

    public Planner() {
        this("", 1, new ArrayList<>(), new ArrayList<>());
    }

    private Planner(
            String path, double rateFactor, List<Tensor> tensors, List<Double> rateFactors) {
        this.path = path;
        this.rateFactor = rateFactor;
        this.tensors = tensors;
        this.rateFactors = rateFactors;
    }

    /// The planner of a layer inside this one.
    public Planner child(int index) {
        String place = path.isEmpty() ? "" + index : path + "." + index;
        return new Planner(place, rateFactor, tensors, rateFactors);
    }

    /// The same place, at a rate of its own.
    Planner withRate(double factor) {
        return new Planner(path, rateFactor * factor, tensors, rateFactors);
    }

    /// Everything declared so far, by this planner and those it is related to.
    public List<Tensor> tensors() {
        return List.copyOf(tensors);
    }

    /// Tensor → by what its rate is multiplied; 0 where it is frozen.
    public List<Double> rateFactors() {
        return List.copyOf(rateFactors);
    }

    String name(String parameter) {
        return path.isEmpty() ? parameter : path + "." + parameter;
    }

    /// Returns the tensor's index, by which passes find its storage in a slab.
    int declare(Tensor tensor) {
        tensors.add(tensor);
        rateFactors.add(rateFactor);
        return tensors.size() - 1;
    }

    /// The width of a vector, which is what most layers want.
    int width(Layer layer, Shape input) {
        return switch (input) {
            case Shape.Vector(int width) -> width;
            case Shape.Row row ->
                    throw mismatch(
                            layer,
                            "a vector, so that numbers or an embedding come first",
                            row.toString());
        };
    }

    Shape.Row row(Layer layer, Shape input) {
        return switch (input) {
            case Shape.Row row -> row;
            case Shape.Vector vector ->
                    throw mismatch(
                            layer,
                            "the row itself, so that nothing comes before it",
                            vector.toString());
        };
    }

    ShapeException mismatch(Layer layer, String expected, String found) {
        return new ShapeException(place(layer) + ": expected " + expected + "; found " + found);
    }

    private String place(Layer layer) {
        String kind = layer.getClass().getSimpleName();
        return path.isEmpty() ? "the network (" + kind + ")" : "layer " + path + " (" + kind + ")";
    }
}
