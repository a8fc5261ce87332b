"""What summaries read, so that anything else ends in a sentence."""

from pyrosnn.settings import reads

of_result = reads("the result", "run the study again")
of_moments = reads("the dataset of moments", "give what pyrosnn.evaluation.attack_moments returned")
of_cosines = reads("the array of cosines", "give means over attack_samples, with the sizes")
of_shares = reads("the array of values", "give values over repeat and example")
of_spec = reads("the spec", "give what pyrosnn.results.read_spec returned")
