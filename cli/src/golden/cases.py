"""The table of the committed cases."""
import builders as b
import streams as s
from builders import BCE, CE, MSE, act, conv1d, conv2d, dense, pool

SEED = 20240601
ADAM = {"type": "adam", "lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def norm(kind, size, eps=1e-5, **kw):
    return {"type": kind, "name": "norm", "size": size, "eps": eps, **kw}


def layers():
    L = lambda name, *a, **k: b.layer(SEED, "layer_" + name, *a, **k)
    A = lambda name, spec, *a, **k: b.activation(SEED, "activation_" + name, spec, *a, **k)
    R = lambda name, *a, **k: b.rnn_layer(SEED, name, *a, **k)
    yield L("dense", [dense("fc", 8, 4)], {"x": (5, 8)}, "dense layer")
    yield L("dense_no_bias", [dense("fc", 6, 3, bias=False)], {"x": (4, 6)}, "dense layer without bias")
    yield L("dense_time_axis", [dense("fc", 4, 3)], {"x": (2, 3, 4)}, "dense layer on the last of three axes")
    yield A("relu", act("relu"), (4, 8), special=[0.0, 0.0])
    yield A("leaky_relu", act("leaky_relu", negative_slope=0.1), (4, 8))
    yield A("elu", act("elu", alpha=0.7), (4, 8))
    yield A("gelu_tanh", act("gelu", form="tanh"), (4, 8))
    yield A("gelu_erf", act("gelu", form="erf"), (4, 8))
    yield A("sigmoid", act("sigmoid"), (4, 8))
    yield A("tanh", act("tanh"), (4, 8))
    yield A("softplus", act("softplus"), (4, 8), scale=4)
    yield A("silu", act("silu"), (4, 8))
    yield A("softmax", act("softmax"), (4, 8))
    yield L("conv2d", [conv2d("conv", 3, 4, 3)], {"x": (2, 3, 6, 6)}, "2-d convolution (cross-correlation), NCHW")
    yield L("conv2d_stride_padding", [conv2d("conv", 2, 3, [3, 3], 2, 1)], {"x": (2, 2, 7, 7)}, "2-d convolution, stride 2, padding 1")
    yield L("conv1d", [conv1d("conv", 3, 4, 3, 1, 1)], {"x": (2, 3, 8)}, "1-d convolution, NCL")
    yield L("maxpool2d", [pool("maxpool2d", 2, 2)], {"x": (2, 2, 6, 6)}, "max pooling, no ties")
    yield L("maxpool2d_padding", [pool("maxpool2d", 3, 2, 1)],
            {"x": b.normal(b.rng_for(SEED, "maxpool2d_padding/x"), 2, 1, 5, 5, centre=-3)},
            "padding counts as minus infinity: all inputs are negative")
    yield L("avgpool2d_padding", [pool("avgpool2d", 3, 2, 1)], {"x": (2, 1, 5, 5)}, "padding zeros count in the mean")
    yield L("avgpool2d", [pool("avgpool2d", 2, 2)], {"x": (2, 2, 6, 6)}, "average pooling")
    yield L("global_avgpool2d", [act("global_avgpool2d")], {"x": (2, 3, 4, 4)}, "global average pooling")
    yield L("flatten", [act("flatten")], {"x": (2, 3, 2, 2)}, "flatten, row-major")
    yield L("embedding", [{"type": "embedding", "name": "emb", "num": 10, "dim": 4}],
            {"x": b.i32([[1, 3, 3], [0, 9, 1]])}, "embedding with repeated indices")
    yield L("embedding_padding", [{"type": "embedding", "name": "emb", "num": 6, "dim": 3, "padding_index": 0}],
            {"x": b.i32([[0, 2, 5], [4, 0, 0]])}, "embedding; the row at padding_index gets no gradient")
    yield b.bag(SEED, "layer_embedding_bag_sum", 12, 4, [3, 1, 4], "sum")
    yield b.bag(SEED, "layer_embedding_bag_mean", 12, 4, [2, 0, 5], "mean")
    yield R("layer_rnn", "rnn", 2, 5, 3, 4)
    yield R("layer_gru", "gru", 2, 5, 3, 4)
    yield R("layer_gru_lengths", "gru", 3, 4, 3, 4, lengths=[4, 2, 1], initial=True)
    yield R("layer_lstm", "lstm", 2, 5, 3, 4, initial=True)
    yield R("layer_lstm_lengths", "lstm", 3, 4, 3, 4, lengths=[2, 4, 3])
    yield R("layer_lstm_bidirectional", "lstm", 3, 4, 3, 4, lengths=[4, 3, 1], bidirectional=True)
    yield L("layer_norm", [norm("layer_norm", 8)], {"x": (4, 8)}, "layer norm over the last axis")
    yield L("rms_norm", [norm("rms_norm", 8, 1e-2)], {"x": (4, 8)}, "RMS norm: x / sqrt(mean(x^2) + eps) * weight")
    yield L("batch_norm_train", [norm("batch_norm", 4, momentum=0.1)], {"x": (6, 4)}, "batch norm, training", mode="train")
    yield L("batch_norm_eval", [norm("batch_norm", 4, momentum=0.1)], {"x": (6, 4)}, "batch norm, running statistics")
    yield L("batch_norm_2d_train", [norm("batch_norm", 3, momentum=0.1)], {"x": (2, 3, 3, 3)},
            "batch norm over N, H and W", mode="train")
    yield L("residual", [{"type": "residual", "layers": [dense("a", 6, 8), act("tanh"), dense("b", 8, 6)]}],
            {"x": (3, 6)}, "residual: x + f(x)")
    yield L("dropout_eval", [{"type": "dropout", "p": 0.4, "mask": "mask"}],
            {"x": (3, 6), "mask": b.f32(b.rng_for(SEED, "mask").random((3, 6)) > 0.4)}, "dropout when evaluating: identity",
            no_grad=["mask"])
    yield L("dropout_mask", [{"type": "dropout", "p": 0.4, "mask": "mask"}],
            {"x": (3, 6), "mask": b.f32(b.rng_for(SEED, "mask").random((3, 6)) > 0.4)},
            "dropout with a given mask: x * mask / (1 - p)", mode="train", no_grad=["mask"])
    yield L("self_attention_causal", [{"type": "self_attention", "name": "attn", "embed": 8, "heads": 2, "causal": True}],
            {"x": (2, 4, 8)}, "multi-head self-attention with a causal mask")
    yield L("mlp_stack", [dense("fc1", 6, 8), act("relu"), dense("fc2", 8, 5), act("sigmoid"), dense("fc3", 5, 2)],
            {"x": (4, 6)}, "a stack of dense layers")


def losses():
    reg = lambda name, spec, *a, **k: b.regression_loss(SEED, "loss_" + name, {**spec, "reduction": k.pop("red", "mean")}, *a, **k)
    yb = lambda name, spec, *a, **k: b.binary_loss(SEED, "loss_" + name, {**spec, "reduction": k.pop("red", "mean")}, *a, **k)
    yc = lambda name, *a, red="mean", logits=True, **k: b.class_loss(
        SEED, "loss_" + name, {"type": "categorical_cross_entropy", "from_logits": logits, **k.pop("spec", {}), "reduction": red}, *a, **k)
    yield reg("mse", MSE, (6, 3))
    yield reg("mse_weighted", MSE, (6, 3), weighted=True)
    yield reg("mae", {"type": "mae"}, (6, 3), zero_first=True)
    yield reg("huber", {"type": "huber", "delta": 1.0}, (6, 3))
    bce = {"type": BCE["type"]}
    yield yb("bce_logits", bce, (8, 1))
    yield yb("bce_logits_pos_weight", {**bce, "pos_weight": [2.5]}, (8, 1))
    yield yb("bce_logits_weighted", bce, (8, 1), weighted=True, red="weighted_mean")
    yield yb("bce_logits_extreme", bce, (6, 1), extreme=True)
    yield yc("ce_index", 6, 5)
    yield yc("ce_one_hot", 6, 5, one_hot=True)
    yield yc("ce_soft", 6, 5, soft=True)
    yield yc("ce_smoothing", 6, 5, spec={"label_smoothing": 0.1})
    yield yc("ce_class_weights", 8, 3, spec={"class_weights": [0.5, 1.0, 2.0]}, red="weighted_mean")
    yield yc("ce_weighted", 6, 4, weighted=True)
    yield yc("ce_probabilities", 6, 5, logits=False)
    yield yb("hinge", {"type": "hinge"}, (8, 1), signed=True)
    rng = b.rng_for(SEED, "poisson")
    counts = b.f32(rng.poisson(2.0, (8, 1)))
    yield b.loss(SEED, "loss_poisson_log", {"type": "poisson_nll", "log_input": True, "full": False, "reduction": "mean"},
                 b.normal(rng, 8, 1), {"y": counts}, "Poisson: exp(p) - y p")
    yield b.loss(SEED, "loss_poisson_rate", {"type": "poisson_nll", "log_input": False, "full": False, "eps": 1e-8, "reduction": "mean"},
                 b.f32(rng.uniform(0.2, 4, (8, 1))), {"y": counts}, "Poisson: p - y ln(p + eps)")
    yield b.loss(SEED, "loss_quantile", {"type": "quantile", "quantiles": [0.1, 0.5, 0.9], "reduction": "mean"},
                 b.normal(rng, 6, 3), {"y": b.normal(rng, 6)}, "pinball: d = y - p, max(q d, (q - 1) d); one column per quantile")
    yield b.ctc_loss(SEED, "loss_ctc", 2, 8, 5, [3, 2], [8, 6], "mean_over_label_length", repeats=True)
    yield b.ctc_loss(SEED, "loss_ctc_sum", 2, 6, 4, [2, 1], [6, 6], "sum")


def optimizers():
    O = lambda name, opt, **k: b.optimizer(SEED, "optimizer_" + name, opt, **k)
    sgd = {"type": "sgd", "lr": 0.1}
    yield O("sgd", sgd)
    yield O("momentum", {**sgd, "momentum": 0.9})
    yield O("nesterov", {**sgd, "momentum": 0.9, "nesterov": True})
    yield O("adagrad", {"type": "adagrad", "lr": 0.1, "eps": 1e-3})
    yield O("rmsprop", {"type": "rmsprop", "lr": 0.01, "alpha": 0.9, "eps": 1e-3})
    yield O("rmsprop_centered", {"type": "rmsprop", "lr": 0.01, "alpha": 0.9, "eps": 1e-3, "centered": True, "momentum": 0.5})
    yield O("adam", {**ADAM, "eps": 1e-3})
    yield O("adam_default", {**ADAM, "lr": 0.001}, classes=True)
    yield O("adamw", {**ADAM, "type": "adamw", "eps": 1e-3, "weight_decay": 0.1})
    yield O("adam_amsgrad", {**ADAM, "beta2": 0.5, "eps": 1e-3, "amsgrad": True})
    yield b.ftrl(SEED, "optimizer_ftrl", 8, 1, 5, 0.5, 1.0, 0.1, 0.5)
    yield b.ftrl(SEED, "optimizer_ftrl_online", 10, 1, 60, 0.2, 1.0, 1.5, 1.0, record=(1, 10, 60))
    yield b.ftrl(SEED, "optimizer_ftrl_batch", 6, 4, 5, 0.3, 0.5, 0.0, 0.1, sparse=False)
    yield b.sparse_adagrad(SEED, "optimizer_sparse_adagrad", 20, 4, 3, 4, 5, 1e-3)
    yield O("l2", sgd, regularization={"l1": 0.0, "l2": 0.05, "applies_to": "all"})
    yield O("l1", sgd, regularization={"l1": 0.02, "l2": 0.0, "applies_to": "weights"})
    yield O("elastic", {**ADAM, "eps": 1e-3}, regularization={"l1": 0.01, "l2": 0.02, "applies_to": "weights"})
    yield O("clip_value", sgd, gradient_clipping={"type": "value", "limit": 0.05})
    yield O("clip_norm", sgd, gradient_clipping={"type": "global_norm", "max_norm": 0.3})
    yield O("clip_norm_idle", sgd, gradient_clipping={"type": "global_norm", "max_norm": 100.0})
    yield O("schedule_step", {**sgd, "momentum": 0.9}, schedule={"type": "step", "step_size": 2, "gamma": 0.5})
    yield O("adam_warmup_cosine", {**ADAM, "eps": 1e-3}, steps=8, record_steps=(1, 2, 5, 8),
            schedule={"type": "warmup_cosine", "warmup_steps": 3, "total_steps": 8, "min_rate": 0.0})
    yield O("sgd_sample_weights", sgd, weighted=True)


def models():
    yield b.seed_model(SEED, "model_seed_784")
    yield b.digits_model(SEED, "model_seed_digits", 0)
    yield b.cnn(SEED, "model_cnn", 0, 8, 5, (3, 4), {"type": "sgd", "lr": 0.05, "momentum": 0.9})
    yield b.recurrent_classifier(SEED, "model_gru_classifier", "gru", 15, 5, 6, 3, 4, 6, 5, ADAM)
    yield b.click_model(SEED, "model_click", 32, 3, 4, 5, 6, {"type": "adagrad", "lr": 0.05, "eps": 1e-3})
    yield b.batchnorm_mlp(SEED, "model_batchnorm_mlp", (5, 6, 2), 6, 5, {"type": "sgd", "lr": 0.05})
    yield b.residual_mlp(SEED, "model_residual_mlp", 8, 2, 4, 5, {**ADAM, "type": "adamw", "eps": 1e-3, "weight_decay": 0.01},
                         gradient_clipping={"type": "global_norm", "max_norm": 1.0})
    yield b.seq2seq(SEED, "model_seq2seq_gru", "gru", 8, 9, 4, 5, 3, 5, 4, 5, ADAM)
    yield b.speech_ctc(SEED, "model_speech_ctc", 4, 5, 4, 5, 2, 9, 5, ADAM)
    yield b.transformer(SEED, "model_transformer", 9, 8, 2, 12, 5, 2, 5, {"type": "sgd", "lr": 0.1})
    relu = b.deep_net(SEED, "model_deep_relu_20", "relu", 20, 16, 4,
                      description="20 dense+relu layers with He init: the gradient norm per layer stays in range")
    sigm = b.deep_net(SEED, "model_deep_sigmoid_20", "sigmoid", 20, 16, 4,
                      description="20 dense+sigmoid layers: the gradient norm per layer vanishes towards the input")
    for c in (relu, sigm):
        c["_tolerance"] = (1e-3, 1e-30)
        yield c


def others():
    S = lambda name, spec, lr=0.1, steps=12: b.schedule(SEED, "schedule_" + name, spec, lr, steps)
    yield S("step", {"type": "step", "step_size": 4, "gamma": 0.1})
    yield S("exponential", {"type": "exponential", "gamma": 0.9})
    yield S("cosine", {"type": "cosine", "total_steps": 10, "min_rate": 0.001})
    yield S("linear_warmup", {"type": "linear_warmup", "start_factor": 0.1, "warmup_steps": 5})
    yield S("warmup_cosine", {"type": "warmup_cosine", "warmup_steps": 4, "total_steps": 12, "min_rate": 0.0})
    yield S("inverse_sqrt", {"type": "inverse_sqrt", "warmup_steps": 4})
    yield S("one_cycle", {"type": "one_cycle", "total_steps": 20, "pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 10000.0}, steps=20)
    yield b.init_statistics(SEED, "init_statistics", [
        (k, sh) for k in ("xavier_uniform", "xavier_normal", "he_uniform", "he_normal")
        for sh in ([10, 784], [128, 64], [64, 128], [16, 8, 3, 3])])
    yield s.binary(SEED, "metric_binary", 60)
    yield s.multiclass(SEED, "metric_multiclass", 40, 4)
    yield s.multiclass(SEED, "metric_multiclass_absent", 20, 4, absent=True)
    yield s.regression(SEED, "metric_regression", 30)
    yield s.prequential(SEED, "metric_prequential", 200, 0.98, 100)
    yield s.page_hinkley_case(SEED, "drift_page_hinkley", [0.2, 0.6], 300, 0.1, 0.05, 5.0)
    yield s.page_hinkley_case(SEED, "drift_page_hinkley_none", [0.3, 0.3], 250, 0.1, 0.05, 5.0, expect=0)
    yield s.ddm_case(SEED, "drift_ddm", [0.1, 0.4], 300)
    yield s.ddm_case(SEED, "drift_ddm_levels", [0.15, 0.3, 0.6], 200, minimum=40, warn=1.5, drift=2.5)


def cases():
    for part in (layers, losses, optimizers, models, others):
        yield from part()
