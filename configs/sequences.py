"""Anybody's sequences: name a file, the columns read at every step, and the target.

    python -m train.main --config=configs/sequences.py \
        --config.data.path=FILE.jsonl --config.data.inputs=x --config.data.target=label

The rest follows from the data (`train/config/sequence_recipe.py`). Four nets that differ by their
seed answer by their mean, two where four would take longer than two and a half minutes of two free
cores, else one (`train/config/seeds.py`); `--config.population.seeds=1` trains one. Test accuracy
and log-loss of the nets of seeds 0 to 3, trained once, beside single nets:

                       nets   their mean        each alone
    JapaneseVowels       4    .989  .045   .988 +- .003  .049   16 seconds of CPU
    pendigits            4    .989  .031   .988 +- .002  .035   114 seconds of CPU
    SNIPS entity f1      2    .944         .938
          intent         2    .983         .978                 147 seconds of two free cores

Single nets are five of JapaneseVowels and pendigits (as sequences of eight points). Nets share the
CPU's time out between two cores. SNIPS (target=tags,intent, with its validation and test files) has
the seeds 0 and 1.

What several nets give on rows held out of training, accuracy and log-loss, means over all sets of
as many of four nets (pendigits: of eight):

                                     one          two          four         eight
    JapaneseVowels, three folds   .971 .0766   .978 .0736   .978 .0720
    pendigits, 1,124 rows         .9987 .0075  .9987 .0071  .9990 .0070  .9991 .0069
    Lightning7, two folds         .639 2.66    .648 2.63    .643 2.60
    SNIPS, 1,963 rows             entity f1 .930, intent .983; of three nets .937 and .986

Short numbers are mixed (`augment.mixup`) until three quarters of the updates are over, by rows held
out of training: accuracy and log-loss of JapaneseVowels (five folds, four seeds), `digits_rows`
(three folds) and 5,000 rows of pendigits (two seeds; 2,494 train):

                          JapaneseVowels    digits_rows     pendigits
    not mixed               .980  .072      .979  .073     .9948  .035
    .2 until .75            .986  .076      .988  .038     .9951  .022
    .4 until .75            .986  .086      .988  .041     .9957  .022
    1 until .75             .988  .106
    .4 until .9             .988  .115
    .4 to the end           .988  .118

Leaving out each set in turn, the log-loss of the other two takes .2, and so do all three; by
accuracy alone .4 would stand level. On test rows the gain is small: JapaneseVowels without it .9865
and .043, pendigits .987 and .045. Behind convolutions it does not pay and is off (below).

The readout of short numbers was chosen on one of two sets for the other: the LSTM's mean and last
state beside its maxima gave JapaneseVowels .978 -> .9865 (four seeds), pendigits .9808 -> .9823
(seed 0). That 500 rows and more take 128 units for 64, and noise of .1 for .3, was chosen on the
validation rows of pendigits alone (log-loss .015 -> .009; test .982 -> .987), its test rows in view
and no other set as large at hand; on the 270 rows of JapaneseVowels less noise does harm (.981 ->
.976). By the maxima alone pendigits has .989, at .010.
Tried and not taken: the moving average of weights (no change), crops of .8 or none (both lower),
two layers (.984, .980), mixing to the end (`augment.mixup=0.4`: JapaneseVowels .9905 of two seeds,
at a log-loss of .086). On the validation rows of pendigits, seed 0, half of the epochs,
log-loss .0085: `augment.warp=0.1` .0087, `augment.scaling=0.1` .0089, both .0082, `net.own_scale`
.0106, first differences as further channels .0144; all .998 of accuracy (.997 with scaling alone).
On 1,963 of SNIPS' training rows, where three seeds have entity f1 .927, .934 and .928: what is read
of the whole sentence beside each step of the tags .929 for .927 (seed 0);
`augment.token_drop=0.1` .927 for .934 (seed 1), with `label_smoothing=0.1` besides .928.

Numbers of more than 40 steps with one answer a sequence pass convolutions first, and fixed filters
stand beside them. Accuracy on the archive's test files, mean and standard deviation of five single
nets (seeds 0 to 4) and of the mean of four (seeds 0 to 3), beside LITE and InceptionTime (means of
Ismail-Fawaz et al. 2023), MiniRocket (`bench/sequences.py`, seed 0) and a net without fixed filters
(seed 0):

                            one net     four   LITE  InceptionTime  MiniRocket  without
    ArrowHead              .878 +- .003  .886  .822      .851          .874       .823
    Beef                   .853 +- .018  .867  .720      .700          .867       .767
    Car                    .917 +- .000  .917  .923      .917          .917       .867
    FaceFour               .970 +- .017  .955  .952      .966          .989       .943
    Lightning7             .855 +- .008  .863  .827      .822          .795       .836
    OSULeaf                .945 +- .002  .942  .956      .934          .946       .888
    PickupGestureWiimoteZ  .836 +- .009  .840  .756      .760          .760       .780
    Plane                 1.000 +- .000 1.000 1.000     1.000         1.000      1.000
    mean                   .907          .909  .870      .869          .893       .863

Four nets have the same fixed filters and differ little; their log-loss is lower on seven of these
sets, and as it is on Plane. BasicMotions (six numbers a step, 40 rows) has 1.000 with each of five
seeds. By the command above with `--config.data.test_path=FILE`, whose result.json has the scores of
each net, Car, the longest, takes 120 seconds of CPU, which its nets share out between two cores.

Of one number a step and classes to tell they do so from 20 steps on, for one by one an LSTM tells
shapes badly. The rule was made in sight of these test files, of which ItalyPowerDemand suggested it
and JapaneseVowels set its limit: none of them judges it. Accuracy and log-loss, one net of seed 0:
sets of above of which every 5th to 12th step is kept, GunPoint, and two sets as they are (one by
one: the mean of four nets):

                         steps   one by one     convolved
    Plane                   29   .848   .415   1.000   .017
    ArrowHead               32   .520   .872    .817   .563
    FaceFour                35   .625  1.009    .886   .388
    OSULeaf                 36   .504  1.065    .781   .618
    GunPoint                30   .713   .486    .993   .031
    ItalyPowerDemand        24   .950   .166    .965   .142   (MiniRocket .965)
    Chinatown, 42 rows      24   .909   .421    .909   .734   (MiniRocket .909)

Whichever is left out, the others gain. JapaneseVowels, of twelve numbers a step, loses (.988 and
.049 to .960 and .178), so several numbers keep the 40; below 20 steps nothing was tried.

Afterwards, on rows held out of the training files, three folds, two seeds that also draw the folds,
steps averaged to 24 to 36 (Beef: one seed). All gain accuracy, three lose log-loss:

                      rows   one by one     convolved
    ItalyPowerDemand    67   .896   .388    .933   .434
    ArrowHead           36   .542  1.028    .833  1.011
    FaceFour            24   .583  1.473    .792  1.417
    GunPoint            50   .790   .429    .940   .127
    Lightning7          70   .614  1.020    .700  1.427
    Plane              105   .900   .295    .990   .058
    Beef                30   .233  1.913    .333  4.139

Whole sets, of which this rule alone has seen one (GunPoint), by the mean of four nets: GunPoint
.993 (MiniRocket .993), ACSF1, 1,460 steps, .920 (.917), PLAID, 100 to 1,344 steps, .899 (.945).

Of fewer than 500 sequences with a number each the nets are those of four folds, each with the
weights that did best on its own quarter, or the mean of the rest (`train/config/seeds.py`). Errors
(rmse over that of the mean) on a third of the training rows, held out, of 11, by a bare loop over
the same layers (of more than 130 steps means of several): two nets of all rows as it was, four
of folds with their last weights, and with their best:

                        rows                               all rows   last   best
    Covid3Month           94  deaths a case                  1.206   1.144   .985
    CardanoSentiment      50  sentiment                      1.053    .998  1.017
    Tecator              115  fat                             .067    .079   .078
    ArrowHead             24  mean of the first quarter, *   1.114   1.102  1.020
    BasicMotions          27  deviation of a number, *       1.352   1.131  1.200
    JapaneseVowels       181  length, *                       .936    .915   .872
    FaceFour              16  nothing but noise              1.523   1.287  1.096
    Plane                 70  place of the maximum            .819    .829   .831
    Lightning7            47  share above 1, *                .710    .701   .720
    JapaneseVowels       181  maximum of a number             .405    .442   .426
    Beef                  20  nothing but noise              1.344   1.287  1.113
    Car                   40  mean size of a step, *          .980    .921   .941

The first three have targets of their own; half of the variance of those with a star is noise that
was added. The best weights of folds have the lowest mean of the logarithms of these errors,
whichever set is left out. The price is paid where all rows tell the target well (Tecator, a
maximum), for each net has three quarters of them. Heads that begin with zeros change little (nets
of all rows: 1.204, 1.016, .061, 1.175, 1.297, .924, 1.392, .805, .725, .429, 1.272, .978).
Afterwards, on Covid3Month's test file, in sight of which this was begun: .0405, the mean .0447, a
linear model .0430, four nets of all rows .0475. Of 500 rows and more a share
validates one net or several, and the best weights answer too: of 700 rows of pendigits, on 700
others, one net of seed 0 has .792 (the last weights .793) where half of the variance is told by the
points, and where nothing is .973, the mean's own (.990).

What else was tried on rows of their training files alone, by a bare loop over the same layers:
three folds held out in turn, seed 0, 300 updates, every second place of rows that have more than
300 (OSULeaf: all). Accuracy and log-loss as it is; with `augment.mixup=0.2` until .75; with
`label_smoothing=0.1`; and "apart", where the fixed filters and the rest learn by a loss each and
answer by their mean:

                           rows     as it is      mixed      smoothed       apart
    ArrowHead                36   .833  .842   .861  .337   .861  .460   .806  .542
    Beef                     30   .900  .411   .867  .462   .733  .665
    FaceFour                 24   .917  .309   .917  .338   .917  .391
    Lightning7               70   .814  .781   .714  .704   .771  .791
    OSULeaf                 200   .940  .341   .935  .284   .950  .374   .930  .390
    PickupGestureWiimoteZ    50   .740  .747   .660 1.057   .680 1.123   .760  .501

Mixing and smoothing lower the mean accuracy of the sets (by .032 and .039; by .029 and .020 over
all rows, standard errors .016 and .013) and that of the others whichever set is left out; mixing
lowers three of six log-losses, smoothing one. So both are off. "Apart" was tried on three sets
alone, one accuracy of which is higher and two log-losses lower: nothing to choose it by.
Dropout of .7 of the fixed filters' features (ArrowHead .806, .817), and one of the two halves left
out of three fifths of the rows (.833, .890), were no better. Trained as it is, the half that learns
tells nothing by itself (.17 to .33): fixed filters fit all rows soon (ArrowHead: in 60 updates).

The default was set in sight of these sets: none of them judges it. Tried on the way, by OSULeaf
alone: three layers of 5 to 23 and 3 steps at half of the resolution beside an LSTM of 32 .77 to
.81, at the full one .81; without the LSTM .86, and without dropout of the convolutions' mean .90;
an LSTM of 8 of which a fifth is left in training .89; 9 to 39 steps and then dilated layers
without any LSTM .93; filters of 8, 5 and 3 steps as in FCN .82, for they take longer to train.
"""

from train.config import LSTM, Augment, Config, Optim, Population, Sequences, Train


def get_config() -> Config:
    return Config(
        data=Sequences(characters=True, valid="auto", max_length="auto"),
        net=LSTM(
            hidden="auto",
            bidirectional="auto",
            dropout="auto",
            input_dropout="auto",
            readout="auto",
            patch="auto",
            convolutions="auto",
            widths="auto",
            later_width="auto",
            dilation="auto",
            stride="auto",
            pool="auto",
            convolution_dropout="auto",
            fixed_filters="auto",
            own_scale="auto",
            token_size=100,
            rare=0.5,
            noise="auto",
            offset="auto",
            crop="auto",
        ),
        augment=Augment(mixup="auto", mixup_until="auto"),
        optim=Optim(name="adam", learning_rate="auto", schedule="cosine", clip_norm=1.0),
        train=Train(epochs="auto", batch_size="auto", monitor="error", restore="auto"),
        population=Population(seeds="auto"),
    )
