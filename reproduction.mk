# make reproduction DATA=folder   train on FashionMNIST, run the paper's experiments, write the page
#
# Every file is a target: what is there is not made again, so an interrupted run goes on where it
# stopped. With -j2 two runs share two cores; each uses one thread. Checkpoints stay in
# reproduction/, results go to docs/reproduction/.
DATA ?= $(PYROSNN_DATA)
FOLDER = $(if $(DATA),$(DATA),$(error name the folder with FashionMNIST/raw: make reproduction DATA=folder))
RUN := OMP_NUM_THREADS=1 $(BIN)/pyrosnn
KEPT := reproduction
SHOWN := docs/reproduction
TRAIN = $(RUN) train $(1) --dataset fashion-mnist --preset paper --data-root $(FOLDER) --output $@
STUDY = $(RUN) study $(1) --model $< --preset paper --compact --overwrite --data-root $(FOLDER) --output $@

# name of a model: its training options
OPTIONS_bnn := bnn
OPTIONS_im := im
OPTIONS_sin-0.05 := sin --noise-variance 0.05
OPTIONS_sin-0.1 := sin --noise-variance 0.1
OPTIONS_sin-0.1-loss := sin --noise-variance 0.1 --average loss
OPTIONS_bnn-smoothed := bnn --smoothing-variance 0.1
OPTIONS_im-smoothed := im --smoothing-variance 0.1
OPTIONS_bnn-kl3 := bnn --kl-weight 3
OPTIONS_im-kl3 := im --kl-weight 3
OPTIONS_bnn-kl0.1 := bnn --kl-weight 0.1
OPTIONS_bnn-tanh := bnn --activation tanh
OPTIONS_bnn-scale1 := bnn --initial-row-scale 1
OPTIONS_laplace := laplace

MODELS := bnn im sin-0.05 sin-0.1
WEIGHTS := bnn im
ABLATED := bnn im sin-0.05 sin-0.1 sin-0.1-loss bnn-kl3 im-kl3 bnn-kl0.1 bnn-tanh bnn-scale1
COMPARED := $(MODELS) sin-0.1-loss
VARIED := $(COMPARED) bnn-kl3 im-kl3
RESULTS := gaussian-angles \
  $(MODELS:%=sample-size-%) $(COMPARED:%=inference-size-%) $(VARIED:%=prediction-variance-%) \
  $(WEIGHTS:%=conditions-%) conditions-clip-bnn $(WEIGHTS:%=linf-%) $(WEIGHTS:%=pgd-%) \
  $(WEIGHTS:%=cw-%) $(WEIGHTS:%=margin-%) $(ABLATED:%=ablation-%) laplace

.PHONY: reproduction
reproduction: $(RESULTS:%=$(SHOWN)/%.nc)
	$(BIN)/python -m reproduction $(SHOWN)

# named one by one: make takes what only a pattern names for intermediate, and does without it
TRAINED := $(ABLATED) $(WEIGHTS:%=%-smoothed) laplace
$(TRAINED:%=$(KEPT)/%.safetensors): $(KEPT)/%.safetensors: | .venv/installed
	mkdir -p $(KEPT)
	$(call TRAIN,$(OPTIONS_$*))

# S_A up to 1,000 for the models whose samples are weights, as in the paper
$(SHOWN)/sample-size-bnn.nc $(SHOWN)/sample-size-im.nc: $(SHOWN)/sample-size-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,sample-size --attack-samples 1$(,)5$(,)10$(,)100$(,)1000)

$(SHOWN)/sample-size-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,sample-size)

$(SHOWN)/inference-size-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,inference-size)

$(SHOWN)/prediction-variance-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,prediction-variance)

$(SHOWN)/conditions-clip-%.nc: $(KEPT)/%-smoothed.safetensors
	$(call STUDY,conditions --clip)

$(SHOWN)/conditions-%.nc: $(KEPT)/%-smoothed.safetensors
	$(call STUDY,conditions)

$(SHOWN)/linf-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,sample-size --norm linf --repeats 1)

# every third strength of the paper: nine would take half an hour a model. PGD clips in every step.
$(SHOWN)/pgd-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,sample-size --attack pgd --clip --repeats 1 --block-size 1000 --strengths 0:2.25:0.75)

$(SHOWN)/cw-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,sample-size --loss cw --gradient mean_logits --attack-samples 100 --repeats 1)

$(SHOWN)/margin-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,sample-size --loss margin --gradient mean_logits --attack-samples 100 --repeats 1)

# supplement C.5: 8 / 255
$(SHOWN)/laplace.nc: $(KEPT)/laplace.safetensors
	$(call STUDY,sample-size --norm linf --attack-samples 1$(,)5$(,)10 --strengths 0$(,)0.031372549)

$(SHOWN)/ablation-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,ablation)

# a clone comes with the results: what needs no checkpoint is made again by the first run here
$(KEPT)/started:
	mkdir -p $(KEPT)
	touch $@

$(SHOWN)/gaussian-angles.nc: $(KEPT)/started | .venv/installed
	$(RUN) study gaussian-angles --preset paper --overwrite --output $@

# make reproduction-cifar DATA=folder   two small wide ResNets on CIFAR-10, where the paper has 28 x 10.
# Their sizes are what fits a CPU: grids are smaller than the preset's, and say so in the files.
OPTIONS_resnet-0.3 := --dropout 0.3 --epochs 8 --test-samples 100
OPTIONS_resnet-0.6 := --dropout 0.6 --epochs 8 --test-samples 100
OPTIONS_resnet-0.3-smoothed := --dropout 0.3 --epochs 4 --test-samples 10 --smoothing-variance 0.01
DROPOUTS := resnet-0.3 resnet-0.6
CIFAR := $(DROPOUTS:%=sample-size-%) $(DROPOUTS:%=inference-size-%) \
  $(DROPOUTS:%=prediction-variance-%) conditions-resnet-0.3

.PHONY: reproduction-cifar
reproduction-cifar: $(CIFAR:%=$(SHOWN)/cifar/%.nc)
	$(BIN)/python -m reproduction $(SHOWN)/cifar

RESNETS := $(DROPOUTS) resnet-0.3-smoothed
$(RESNETS:%=$(KEPT)/%.safetensors): $(KEPT)/%.safetensors: | .venv/installed
	mkdir -p $(KEPT)
	$(RUN) train resnet --dataset cifar10 --preset paper --depth 10 --width 2 $(OPTIONS_$*) \
	  --schedule one-cycle --precision bf16 --data-root $(FOLDER) --output $@

ON_CIFAR = $(call STUDY,$(1) --repeats 1)

$(SHOWN)/cifar/sample-size-%.nc: $(KEPT)/%.safetensors
	$(call ON_CIFAR,sample-size --precision bf16 --strengths 0$(,)0.3 --inference-samples 30)

$(SHOWN)/cifar/inference-size-%.nc: $(KEPT)/%.safetensors
	$(call ON_CIFAR,inference-size --precision bf16 --no-test-accuracy)

$(SHOWN)/cifar/prediction-variance-%.nc: $(KEPT)/%.safetensors
	$(call STUDY,prediction-variance --num-samples 30)

$(SHOWN)/cifar/conditions-%.nc: $(KEPT)/%-smoothed.safetensors
	$(call ON_CIFAR,conditions --images 1000 --inference-samples 10)

, := ,

.PHONY: list-reproduction list-reproduction-cifar
list-reproduction:
	@echo $(RESULTS)
list-reproduction-cifar:
	@echo $(CIFAR)
