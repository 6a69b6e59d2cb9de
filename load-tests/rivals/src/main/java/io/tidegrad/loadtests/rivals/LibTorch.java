package io.tidegrad.loadtests.rivals;

import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.loadtests.LoadTestException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdagradOptions;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/// A workload's network in LibTorch, from the same weights, learning from the same batches: eager, one thread, C++
/// `optim`. Tensors for rows and labels are made once and filled by a copy from the batch; what a step makes is freed
/// with it. (`torch::optim` has no fused Adam.)
final class LibTorch {
    private final Batch batch;
    private final Plan plan;
    private final Parameters start;
    private final TensorVector parameters = new TensorVector();
    private int tensor; // the next one of the plan

    private final Tensor numbers;
    private final Tensor ids;
    private final Tensor labels;
    private final FloatPointer numbersAt;
    private final LongPointer idsAt;
    private final FloatPointer floatLabelsAt;
    private final LongPointer classLabelsAt;
    private final long[] longIds;
    private final long[] longLabels;
    private final Operation network;
    private final Optimizer optimizer;

    @FunctionalInterface
    private interface Operation {
        Tensor apply(Tensor x);
    }

    /// @param start weights to begin with; unchanged
    /// @param batch filled before each step
    LibTorch(Parameters start, Batch batch) {
        this.start = start;
        this.batch = batch;
        plan = start.plan();
        torch.set_num_threads(1);
        int rows = batch.capacity();
        // Never empty: an empty tensor has no address.
        numbers = floats(rows, Math.max(1, batch.row().numbers()));
        ids = longs(rows, Math.max(1, batch.row().ids()));
        numbersAt = numbers.data_ptr_float();
        idsAt = ids.data_ptr_long();
        longIds = new long[batch.ids.length];
        longLabels = new long[batch.labels.length];
        boolean classes = plan.spec().loss() instanceof CategoricalCrossEntropy;
        labels = classes ? longs(rows) : floats(rows, batch.row().labels());
        floatLabelsAt = classes ? new FloatPointer() : labels.data_ptr_float();
        classLabelsAt = classes ? labels.data_ptr_long() : new LongPointer();
        network = operation(plan.spec().network());
        optimizer = optimizer();
    }

    /// One step; returns the mean loss before it.
    double learn() {
        try (PointerScope _ = new PointerScope()) {
            fill();
            optimizer.zero_grad();
            Tensor y = network.apply(numbers);
            Tensor loss = plan.spec().loss() instanceof BinaryCrossEntropy
                    ? torch.binary_cross_entropy_with_logits(y, labels) : torch.cross_entropy_loss(y, labels);
            loss.backward();
            optimizer.step();
            return loss.item_float();
        }
    }

    private void fill() {
        numbersAt.put(batch.numbers, 0, batch.numbers.length);
        for (int i = 0; i < longIds.length; i++) {
            longIds[i] = batch.ids[i];
        }
        idsAt.put(longIds, 0, longIds.length);
        if (floatLabelsAt.isNull()) {
            for (int i = 0; i < longLabels.length; i++) {
                longLabels[i] = (long) batch.labels[i];
            }
            classLabelsAt.put(longLabels, 0, longLabels.length);
        } else {
            floatLabelsAt.put(batch.labels, 0, batch.labels.length);
        }
    }

    /// Up to logits: both losses take the last activation with them, as the engine's do.
    private Operation operation(Layer layer) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                List<Operation> operations = new ArrayList<>();
                layers.forEach(each -> operations.add(operation(each)));
                yield x -> {
                    Tensor y = x;
                    for (Operation each : operations) {
                        y = each.apply(y);
                    }
                    return y;
                };
            }
            case Concat(List<Layer> layers) -> {
                List<Operation> operations = new ArrayList<>();
                layers.forEach(each -> operations.add(operation(each)));
                yield x -> {
                    TensorVector parts = new TensorVector();
                    operations.forEach(each -> parts.push_back(each.apply(x)));
                    return torch.cat(parts, 1);
                };
            }
            case Numbers(int from, int count) ->
                from == 0 && count == batch.row().numbers() ? x -> numbers : x -> numbers.narrow(1, from, count);
            case Dense dense -> dense(dense);
            case Bias bias -> {
                Tensor b = vector();
                yield x -> x.add(b);
            }
            case Embedding embedding -> embedding(embedding);
            case EmbeddingBag bag -> bag(bag);
            case Reshape(List<Integer> axes) -> {
                long[] shape = Stream.concat(Stream.of(batch.capacity()), axes.stream()).mapToLong(Integer::longValue)
                        .toArray();
                yield x -> x.view(shape);
            }
            case Flatten flatten -> x -> x.flatten(1, -1);
            case Conv2d conv -> convolution(conv);
            case MaxPool2d(Extent kernel, Extent stride, Extent padding) ->
                x -> torch.max_pool2d(x, pair(kernel), pair(stride), pair(padding), pair(Extent.of(1)), false);
            case Recurrent recurrent -> recurrent(recurrent);
            case LayerNorm(double epsilon) -> {
                long width = plan.tensors().get(tensor).columns();
                TensorOptional scale = new TensorOptional(vector());
                TensorOptional shift = new TensorOptional(vector());
                long[] shape = {width};
                yield x -> torch.layer_norm(x, shape, scale, shift, epsilon, true);
            }
            case SelfAttention attention -> attention(attention);
            case Residual(Layer inner) -> {
                Operation operation = operation(inner);
                yield x -> x.add(operation.apply(x));
            }
            case Relu relu -> torch::relu;
            case Sigmoid last -> x -> x;
            case Softmax last -> x -> x;
            default -> throw new LoadTestException("LibTorch has no " + layer + " here yet");
        };
    }

    private Operation dense(Dense dense) {
        Tensor w = matrix();
        if (!dense.bias()) {
            return x -> torch.linear(x, w);
        }
        Tensor b = vector();
        return x -> torch.linear(x, w, b);
    }

    /// Its weights are stored as (height, width, input channels, output channels).
    private Operation convolution(Conv2d conv) {
        int inputs = plan.tensors().get(tensor).rows() / (conv.kernel().height() * conv.kernel().width());
        Tensor stored =
                Tensor.create(nextWeights(), conv.kernel().height(), conv.kernel().width(), inputs, conv.channels());
        Tensor w = parameter(stored.permute(3, 2, 0, 1).contiguous());
        TensorOptional b = conv.bias() ? new TensorOptional(vector()) : new TensorOptional();
        return x -> torch.conv2d(x, w, b, pair(conv.stride()), pair(conv.padding()), pair(Extent.of(1)), 1);
    }

    /// In one direction, from 0, the last state: what `nn::GRU` and `nn::LSTM` call.
    private Operation recurrent(Recurrent layer) {
        if (layer.bidirectional() || layer.output() != Recurrent.Output.LAST || layer.lengthAt() != Recurrent.WHOLE
                || !layer.initial().isEmpty() || layer.cell() == Recurrent.Cell.RNN) {
            throw new LoadTestException("LibTorch has no " + layer + " here yet");
        }
        TensorVector weights = new TensorVector(matrix(), matrix(), vector(), vector());
        Tensor zero = floats(1, batch.capacity(), layer.hidden());
        if (layer.cell() == Recurrent.Cell.GRU) {
            return x -> torch.gru(x, zero, weights, true, 1, 0, true, false, true).get1().select(0, 0);
        }
        TensorVector zeros = new TensorVector(zero, zero);
        return x -> torch.lstm(x, zeros, weights, true, 1, 0, true, false, true).get1().select(0, 0);
    }

    private Operation attention(SelfAttention layer) {
        Tensor in = matrix();
        Tensor inBias = vector();
        Tensor out = matrix();
        Tensor outBias = vector();
        long width = out.size(0);
        long rows = batch.capacity();
        return x -> {
            long steps = x.size(1);
            TensorVector qkv = torch.linear(x, in, inBias).chunk(3, -1);
            Tensor[] heads = new Tensor[3];
            for (int i = 0; i < heads.length; i++) {
                heads[i] = qkv.get(i).view(rows, steps, layer.heads(), width / layer.heads()).transpose(1, 2);
            }
            Tensor y = torch.scaled_dot_product_attention(heads[0], heads[1], heads[2], new TensorOptional(), 0,
                    layer.causal(), new DoubleOptional(), false);
            return torch.linear(y.transpose(1, 2).reshape(rows, steps, width), out, outBias);
        };
    }

    private EmbeddingBag requireSum(EmbeddingBag bag) {
        if (bag.mode() != EmbeddingBag.Mode.SUM || bag.countAt() != EmbeddingBag.ALL
                || bag.weightsFrom() != EmbeddingBag.UNWEIGHTED || bag.columns() != batch.row().ids()) {
            throw new LoadTestException("LibTorch has no " + bag + " here yet");
        }
        return bag;
    }

    /// With a sparse gradient, as a table.
    private Operation bag(EmbeddingBag any) {
        EmbeddingBag bag = requireSum(any);
        Tensor table = parameter(Tensor.create(nextWeights(), bag.rows(), bag.dimension()));
        long[] starts = LongStream.range(0, batch.capacity()).map(row -> row * bag.columns()).toArray();
        Tensor offsets = Tensor.create(starts);
        Tensor all = ids.view(-1);
        int sum = 0;
        return x -> torch.embedding_bag(table, all, offsets, false, sum, true, new TensorOptional(), false).get0();
    }

    /// With a sparse gradient: only touched rows are updated.
    private Operation embedding(Embedding embedding) {
        Tensor table = parameter(Tensor.create(nextWeights(), embedding.rows(), embedding.dimension()));
        long width = (long) embedding.columns() * embedding.dimension();
        long rows = batch.capacity();
        boolean whole = embedding.from() == 0 && embedding.columns() == batch.row().ids();
        Tensor read = whole ? ids : ids.narrow(1, embedding.from(), embedding.columns());
        return x -> torch.embedding(table, read, -1, false, true).view(rows, width);
    }

    /// (inputs, outputs) as stored; LibTorch wants (outputs, inputs), and contiguous.
    private Tensor matrix() {
        io.tidegrad.engine.layer.Tensor next = plan.tensors().get(tensor);
        Tensor stored = Tensor.create(nextWeights(), next.rows(), next.columns());
        return parameter(stored.t().contiguous());
    }

    private Tensor vector() {
        int columns = plan.tensors().get(tensor).columns();
        return parameter(Tensor.create(nextWeights(), columns));
    }

    private static long[] pair(Extent extent) {
        return new long[]{extent.height(), extent.width()};
    }

    private float[] nextWeights() {
        return start.weights(plan.tensors().get(tensor++).name());
    }

    private Tensor parameter(Tensor values) {
        values.set_requires_grad(true);
        parameters.push_back(values);
        return values;
    }

    private Optimizer optimizer() {
        return switch (plan.spec().optimizer()) {
            case Adam adam -> {
                AdamOptions options = new AdamOptions(adam.rate());
                options.eps().put(adam.epsilon());
                yield new org.bytedeco.pytorch.Adam(parameters, options);
            }
            case Adagrad adagrad -> {
                AdagradOptions options = new AdagradOptions(adagrad.rate());
                options.eps().put(adagrad.epsilon());
                options.initial_accumulator_value().put(adagrad.initialAccumulator());
                yield new org.bytedeco.pytorch.Adagrad(parameters, options);
            }
            default -> throw new LoadTestException("LibTorch has no " + plan.spec().optimizer() + " here yet");
        };
    }

    private static Tensor floats(long... shape) {
        return torch.zeros(shape);
    }

    private static Tensor longs(long... shape) {
        return torch.zeros(shape).to(torch.ScalarType.Long);
    }
}
