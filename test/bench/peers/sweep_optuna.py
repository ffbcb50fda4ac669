"""A cross-validated sweep of VENet with Optuna and PyTorch, as somebody who knows both would write it for one machine.

Images are decoded once, by all processes, to the size of the network; then as many processes as asked for take trials from the study
(SQLite storage), one thread each, in the faster memory layout. A trial trains all folds and keeps its models and metrics. Prints one line
of JSON: the trials with their folds, and where the time went.
"""
import argparse
import csv
import json
import multiprocessing
import pathlib
import time

STARTED = time.perf_counter()  # before the imports: a user waits for these, too

import numpy as np  # noqa: E402
import optuna  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.model_selection import StratifiedGroupKFold  # noqa: E402
from venet_torch import VENet, parameter_count, venet_loss  # noqa: E402

MASK_CLASSES = 2
POLY_POWER = 0.9
VALIDATION_BATCH = 32


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("manifest", type=pathlib.Path, help="CSV: id,image,mask,label,group; paths relative to it")
    parser.add_argument("out", type=pathlib.Path, help="folder for the study and the models")
    parser.add_argument("--learning-rates", type=float, nargs="+", required=True, help="one trial for each")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--base", type=int, default=8)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


# --- data ---------------------------------------------------------------------------------------------------------------------------


def decode(paths_and_size):
    """RGB [size, size, 3] and mask [size, size] of one row, as bytes."""
    image_path, mask_path, size = paths_and_size
    with Image.open(image_path) as image:
        pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
    with Image.open(mask_path) as mask:
        return pixels, (np.asarray(mask.convert("L").resize((size, size), Image.Resampling.NEAREST)) > 0).astype(np.uint8)


def load_dataset(manifest, size, processes):
    with manifest.open() as file:
        rows = list(csv.DictReader(file))
    work = [(manifest.parent / row["image"], manifest.parent / row["mask"], size) for row in rows]
    with multiprocessing.Pool(processes) as pool:
        decoded = pool.map(decode, work, chunksize=32)
    names = sorted({row["label"] for row in rows})
    return dict(
        # NHWC bytes seen as NCHW: channels-last without a copy
        images=torch.from_numpy(np.stack([pixels for pixels, _ in decoded])).permute(0, 3, 1, 2),
        masks=torch.from_numpy(np.stack([mask for _, mask in decoded])),
        labels=torch.tensor([names.index(row["label"]) for row in rows]),
        groups=[row["group"] for row in rows],
        classes=len(names),
    )


def channel_statistics(images):
    pixels = images.float()
    return pixels.mean(dim=(0, 2, 3)).view(1, 3, 1, 1), pixels.std(dim=(0, 2, 3), correction=0).view(1, 3, 1, 1)


def batch_of(data, chosen, mean, sd, mirror):
    images, masks = data["images"][chosen], data["masks"][chosen]
    if mirror:
        for axis in (-1, -2):
            mirrored = (torch.rand(len(chosen)) < 0.5).nonzero().flatten()
            images[mirrored] = images[mirrored].flip(axis)
            masks[mirrored] = masks[mirrored].flip(axis)
    ones = torch.ones(len(chosen))
    images = ((images - mean) / sd).contiguous(memory_format=torch.channels_last)
    return dict(images=images, masks=masks.long(), labels=data["labels"][chosen], has_mask=ones, weights=ones)


# --- one fold -----------------------------------------------------------------------------------------------------------------------


def run_fold(data, train, validation, options, learning_rate, fold):
    """Trains on the indices of one part, scores the other after every epoch; the network and the figures of the last epoch."""
    torch.manual_seed(1000 * options.seed + fold)  # the same draws for every trial
    mean, sd = channel_statistics(data["images"][train])
    net = VENet(options.base, options.depth, data["classes"], MASK_CLASSES).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate, momentum=0.99, nesterov=True, weight_decay=3e-5, fused=True)
    batches = [slice(at, at + options.batch) for at in range(0, len(train), options.batch) if len(train) - at > 1]
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=options.epochs * len(batches), power=POLY_POWER)
    seconds = dict(train=0.0, validate=0.0)
    figures = {}
    for _ in range(options.epochs):
        began = time.perf_counter()
        losses = train_epoch(net, optimizer, schedule, data, train[torch.randperm(len(train))], batches, mean, sd)
        trained = time.perf_counter()
        figures = dict(loss=sum(losses) / len(losses), **score(net, data, validation, mean, sd))
        seconds["train"] += trained - began
        seconds["validate"] += time.perf_counter() - trained
    return net, dict(fold=fold, **figures, trainSeconds=seconds["train"], validateSeconds=seconds["validate"])


def train_epoch(net, optimizer, schedule, data, order, batches, mean, sd):
    net.train()
    losses = []
    for part in batches:
        batch = batch_of(data, order[part], mean, sd, mirror=True)
        optimizer.zero_grad(set_to_none=True)
        loss = venet_loss(*net(batch["images"]), batch)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


@torch.inference_mode()
def score(net, data, indices, mean, sd):
    """Accuracy, and the mean over images of the foreground's Dice; images where both masks are empty take no part."""
    net.eval()
    correct, dice = 0, []
    for chosen in indices.split(VALIDATION_BATCH):
        batch = batch_of(data, chosen, mean, sd, mirror=False)
        class_logits, masks = net(batch["images"])
        correct += (class_logits.argmax(dim=1) == batch["labels"]).sum().item()
        predicted, truth = masks[0].argmax(dim=1).flatten(1).float(), batch["masks"].flatten(1).float()
        sizes = predicted.sum(dim=1) + truth.sum(dim=1)
        overlap = (predicted * truth).sum(dim=1)
        dice += (2 * overlap / sizes)[sizes > 0].tolist()
    return dict(accuracy=correct / len(indices), dice=float(np.mean(dice)))


# --- the sweep ----------------------------------------------------------------------------------------------------------------------


def take_trials(count, data, splits, options, storage):
    """One process of the sweep."""
    torch.set_num_threads(options.threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        learning_rate = trial.suggest_categorical("learning_rate", options.learning_rates)
        folds = []
        for fold, (train, validation) in enumerate(splits):
            net, figures = run_fold(data, train, validation, options, learning_rate, fold)
            torch.save(net.state_dict(), options.out / f"trial-{trial.number}-fold-{fold}.pt")
            folds.append(figures)
        trial.set_user_attr("folds", folds)
        trial.set_user_attr("accuracy", float(np.mean([figures["accuracy"] for figures in folds])))
        return float(np.mean([figures["dice"] for figures in folds]))

    study = optuna.load_study(study_name="venet", storage=storage, sampler=optuna.samplers.RandomSampler(seed=options.seed))
    study.optimize(objective, n_trials=count)


def main():
    options = read_options()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # no thread may run yet when the processes are forked
    imported = time.perf_counter()

    data = load_dataset(options.manifest, options.size, options.processes)
    folds = StratifiedGroupKFold(options.folds, shuffle=True, random_state=12345).split(data["labels"], data["labels"], data["groups"])
    splits = [(torch.from_numpy(train), torch.from_numpy(validation)) for train, validation in folds]
    decoded = time.perf_counter()

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{options.out / 'study.db'}"
    study = optuna.create_study(study_name="venet", storage=storage, direction="maximize")
    for learning_rate in options.learning_rates:
        study.enqueue_trial({"learning_rate": learning_rate})
    trials = len(options.learning_rates)
    shares = [trials // options.processes + (process < trials % options.processes) for process in range(options.processes)]
    fork = multiprocessing.get_context("fork")  # torch is loaded and the images are shared
    workers = [fork.Process(target=take_trials, args=(share, data, splits, options, storage)) for share in shares if share > 0]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode != 0 for worker in workers):
        raise SystemExit("a process of the sweep failed")
    ended = time.perf_counter()
    print(json.dumps(dict(
        trials=[dict(number=trial.number, state=trial.state.name, parameters=trial.params, dice=trial.value, **trial.user_attrs) for trial in study.trials],
        best=study.best_trial.number,
        images=len(data["labels"]),
        parameters=parameter_count(VENet(options.base, options.depth, data["classes"], MASK_CLASSES)),
        seconds=dict(imports=imported - STARTED, decode=decoded - imported, sweep=ended - decoded, total=ended - STARTED),
    )))


if __name__ == "__main__":
    main()
