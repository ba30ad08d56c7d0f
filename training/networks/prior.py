"""What an autoencoder's codes look like, as a map from a standard normal z: so it can sample, and encode into z.

The encodings of a class are modelled by a mixture of K Gaussians with weights w_k, means m_k and full covariances
S_k (RAE, Ghosh et al. 2020). With R_k the symmetric root of S_k and z = (s, u), s in R and u in R^D independent
standard normal numbers,

    T_k(u) = m_k + R_k u            has the distribution of component k, and
    code = T_k(u), k the interval [t_(k-1), t_k) in which s lies, t_k = F^-1(w_1 + ... + w_k), F the normal distribution

has that of the mixture: s alone chooses the component, as sampling by the inverse distribution function does. Roots
are symmetric and components lie in the order of their means along the main direction of the codes, so that the same u
means the same direction in all of them and neighbours in s are neighbours. A step would tear an interpolation between
two latents, so at each t_k the code goes over from T_k to T_(k+1) in a straight line, over RAMP of s:

    p(s) = sum_k clamp((s - t_k) / RAMP + 1/2, 0, 1)        a staircase with slopes between its steps, 0 <= p <= K
    code = (1 - p + [p]) T_[p](u) + (p - [p]) T_([p]+1)(u)   [p] the integer part; continuous in (s, u)

The label chooses the class's mixture. The last place of every staircase, above s = BEYOND, is no component but the
chart: T_K(u) = m + R u, with mean m and covariance R^2 of all codes of all classes. No seed gets there (one in a
billion would) but every encoded image lies there, at s = ANCHOR:

    encode: z = (ANCHOR, R^-1 (code - m)),      so that forward(encode) is exactly the code, whatever the label,

and between encoded images z is an affine image of the codes, so that to mix latents is to mix codes. Where an encoded
image is mixed half and half with a seed, s passes BEYOND: from there on the seed's component takes over.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.mixture import Gaussian, Mixture, gaussian, mixture

RAMP = 0.1
BEYOND = 6.0
ANCHOR = 12.0
CODES_A_COMPONENT = 100
"""A class gets a component for so many codes, at least one."""


class CodePrior(nn.Module):
    """z [B, D + 1] float32, label [B] int64 -> code [B, D]. Until `fit` the code is u: a standard normal prior."""

    thresholds: Tensor
    means: Tensor
    roots: Tensor
    chart_mean: Tensor
    chart_inverse: Tensor

    def __init__(self, dim: int, num_classes: int, components: int) -> None:
        super().__init__()
        rows = max(1, num_classes)
        self.conditional = num_classes > 0
        self.ramp, self.anchor = RAMP, ANCHOR  # scripted code sees no module's globals
        self.register_buffer("thresholds", torch.full((rows, components), BEYOND))
        self.register_buffer("means", torch.zeros(rows, components + 1, dim))
        self.register_buffer("roots", torch.eye(dim).repeat(rows, components + 1, 1, 1))
        self.register_buffer("chart_mean", torch.zeros(dim))
        self.register_buffer("chart_inverse", torch.eye(dim))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        row = label if self.conditional else torch.zeros_like(label)
        s, u = z[:, :1], z[:, 1:]
        position = ((s - self.thresholds[row]) / self.ramp + 0.5).clamp(0.0, 1.0).sum(1)
        below = position.floor()
        place = below.long()
        following = (place + 1).clamp(max=self.means.shape[1] - 1)
        return torch.lerp(self._at(row, place, u), self._at(row, following, u), (position - below)[:, None])

    def encode(self, code: Tensor) -> Tensor:
        """code [B, D] -> z [B, D + 1], such that forward(z, any label) is the code."""
        u = F.linear(code - self.chart_mean, self.chart_inverse)
        return torch.cat([torch.full_like(u[:, :1], self.anchor), u], 1)

    def _at(self, row: Tensor, place: Tensor, u: Tensor) -> Tensor:
        return self.means[row, place] + (self.roots[row, place] * u[:, None]).sum(2)

    @torch.no_grad()
    def fit(self, codes: Tensor, labels: Tensor, seed: int = 0) -> None:
        """To codes [N >= 1, D] of labels [N]. A class without codes gets the distribution of all."""
        everything = gaussian(codes)
        chart_root = _symmetric_root(everything.covariance)
        self.thresholds.fill_(BEYOND)
        self.means.copy_(everything.mean.expand_as(self.means))
        self.roots.copy_(chart_root.expand_as(self.roots))
        self.chart_mean.copy_(everything.mean)
        self.chart_inverse.copy_(torch.linalg.inv(chart_root))
        for row in range(len(self.thresholds)):
            own = codes[labels == row] if self.conditional else codes
            if len(own):
                count = min(self.thresholds.shape[1], max(1, len(own) // CODES_A_COMPONENT))
                self._take(row, mixture(own, count, everything, seed), everything)

    def _take(self, row: int, fitted: Mixture, everything: Gaussian) -> None:
        order = _along_main_direction(fitted.means, everything.covariance)
        shares = fitted.weights[order].cumsum(0)[:-1]
        self.thresholds[row, : len(shares)] = torch.special.ndtri(shares).clamp(-BEYOND, BEYOND).float()
        self.means[row, : len(order)] = fitted.means[order].float()
        for place, component in enumerate(order.tolist()):
            self.roots[row, place] = _symmetric_root(fitted.covariances[component]).float()


def _along_main_direction(means: Tensor, covariance: Tensor) -> Tensor:
    """Indices [K] in ascending order along the direction in which the codes vary most."""
    direction = torch.linalg.eigh(covariance).eigenvectors[:, -1]
    return (means @ direction).argsort()


def _symmetric_root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp_min(0.0).sqrt()) @ vectors.T
