"""Fields of instructions, written from docs/architecture.md, where a test means to say only what
differs from them.
"""

#: One vector, without pads: how LOAD and VECTOR read.
READ = dict(
    blk_stride=0,
    row_stride=0,
    n_blk=1,
    n_rows=1,
    n_cols=1,
    pad_top=0,
    pad_bottom=0,
    pad_left=0,
    pad_right=0,
    pad_value=0,
)
#: What VECTOR does with what it reads: nothing.
COPY = dict(
    reduce=0,
    kh=1,
    kw=1,
    sh=1,
    sw=1,
    n_kx=1,
    span=1,
    row_words=1,
    line_words=1,
    dw_weights=0,
    dw_words=0,
    b_mode=0,
    b_addr=0,
    b_blk_stride=0,
    alu=0,
    per_channel=0,
    slot=0,
    lrn=0,
    lrn_half=0,
    lut=0,
    ca=0,
    cb=0,
    ma=1,
    mb=0,
    c=0,
    shift=0,
    zero=0,
    low=-128,
    high=127,
)
