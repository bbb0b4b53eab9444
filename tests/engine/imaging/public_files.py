"""Every file of the `pydicom-data` wheel and of pydicom itself, and what becomes of it: a picture, or a finding.

The table is complete: a file that is not in it fails the tests, and so does one that is no longer there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import data_store
import pydicom

from protocol.vocabulary import FindingCode

ROOTS = {"store": Path(next(iter(data_store.__path__))) / "data", "pydicom": Path(pydicom.__file__).parent / "data"}
_NO_DATA = (".py", ".pyc")

# By folder: files whose picture converts without loss.
_CONVERTS = {
    "store": """
        693_J2KR.dcm 693_UNCI.dcm 693_UNCR.dcm JPEG-LL.dcm JPEG2000_UNC.dcm JPGLosslessP14SV1_1s_1f_8b.dcm
        MR-SIEMENS-DICOM-WithOverlays.dcm MR2_J2KI.dcm MR2_J2KR.dcm MR2_UNCI.dcm MR2_UNCR.dcm OBXXXX1A.dcm
        OBXXXX1A_expb.dcm OBXXXX1A_rle.dcm OT-PAL-8-face.dcm RG1_J2KI.dcm RG1_J2KR.dcm RG1_UNCI.dcm RG1_UNCR.dcm
        RG3_J2KI.dcm RG3_J2KR.dcm RG3_UNCI.dcm RG3_UNCR.dcm SC_rgb.dcm SC_rgb_16bit.dcm
        SC_rgb_dcmtk_ebcr_dcmd.dcm SC_rgb_dcmtk_ebcyn1_dcmd.dcm SC_rgb_dcmtk_ebcyn2_dcmd.dcm
        SC_rgb_dcmtk_ebcynp_dcmd.dcm SC_rgb_dcmtk_ebcys2_dcmd.dcm SC_rgb_dcmtk_ebcys4_dcmd.dcm SC_rgb_expb.dcm
        SC_rgb_expb_16bit.dcm SC_rgb_gdcm2k_uncompressed.dcm SC_ybr_full_uncompressed.dcm US1_J2KI.dcm
        US1_J2KR.dcm US1_UNCI.dcm US1_UNCR.dcm bad_sequence.dcm color-pl.dcm color-px.dcm explicit_VR-UN.dcm
        gdcm-US-ALOKA-16.dcm gdcm-US-ALOKA-16_big.dcm mlut_18.dcm vlut_04.dcm
    """,
    "pydicom/charset_files": """
        chrArab.dcm chrFren.dcm chrFrenMulti.dcm chrGerm.dcm chrGreek.dcm chrH31.dcm chrH32.dcm chrHbrw.dcm
        chrI2.dcm chrRuss.dcm chrX1.dcm chrX2.dcm
    """,
    "pydicom/test_files": """
        693_J2KI.dcm CT_small.dcm ExplVR_BigEnd.dcm GDCMJ2K_TextGBR.dcm J2K_pixelrep_mismatch.dcm JPEG-lossy.dcm
        JPEG2000.dcm JPEGLSNearLossless_08.dcm JPEGLSNearLossless_16.dcm JPGExtended.dcm MR_small.dcm
        MR_small_RLE.dcm MR_small_bigendian.dcm MR_small_expb.dcm MR_small_implicit.dcm
        MR_small_jp2klossless.dcm MR_small_jpeg_ls_lossless.dcm MR_small_padded.dcm
        SC_jpeg_no_color_transform.dcm SC_jpeg_no_color_transform_2.dcm SC_rgb_dcmtk_+eb+cr.dcm
        SC_rgb_dcmtk_+eb+cy+n1.dcm SC_rgb_dcmtk_+eb+cy+n2.dcm SC_rgb_dcmtk_+eb+cy+np.dcm
        SC_rgb_dcmtk_+eb+cy+s2.dcm SC_rgb_dcmtk_+eb+cy+s4.dcm SC_rgb_gdcm_KY.dcm SC_rgb_jls_lossy_line.dcm
        SC_rgb_jls_lossy_sample.dcm SC_rgb_jpeg.dcm SC_rgb_jpeg_app14_dcmd.dcm SC_rgb_jpeg_dcmd.dcm
        SC_rgb_jpeg_dcmtk.dcm SC_rgb_jpeg_gdcm.dcm SC_rgb_jpeg_lossy_gdcm.dcm SC_rgb_rle.dcm
        SC_rgb_rle_16bit.dcm SC_rgb_small_odd.dcm SC_rgb_small_odd_big_endian.dcm SC_rgb_small_odd_jpeg.dcm
        SC_ybr_full_422_uncompressed.dcm examples_jpeg2k.dcm examples_overlay.dcm examples_palette.dcm
        examples_rgb_color.dcm image_dfl.dcm liver_1frame.dcm liver_expb_1frame.dcm
    """,
    "pydicom/test_files/dicomdirtests/77654033/CR1": """
        6154
    """,
    "pydicom/test_files/dicomdirtests/77654033/CR2": """
        6247
    """,
    "pydicom/test_files/dicomdirtests/77654033/CR3": """
        6278
    """,
    "pydicom/test_files/dicomdirtests/77654033/CT2": """
        17106 17136 17166 17196
    """,
    "pydicom/test_files/dicomdirtests/98892001/CT2N": """
        6293 6924
    """,
    "pydicom/test_files/dicomdirtests/98892001/CT5N": """
        2062 2392 2693 3023 3353
    """,
    "pydicom/test_files/dicomdirtests/98892003/MR1": """
        15820 4919 5641
    """,
    "pydicom/test_files/dicomdirtests/98892003/MR2": """
        15970 4950 4981 5011 6273 6605 6935
    """,
    "pydicom/test_files/dicomdirtests/98892003/MR700": """
        4467 4528 4558 4588 4618 4648 4678
    """,
}
_FINDINGS = {
    # several frames that are no volume
    FindingCode.MULTIFRAME: {
        "store": """
            OBXXXX1A_2frame.dcm OBXXXX1A_expb_2frame.dcm OBXXXX1A_rle_2frame.dcm SC_rgb_16bit_2frame.dcm
            SC_rgb_2frame.dcm SC_rgb_32bit_2frame.dcm SC_rgb_expb_16bit_2frame.dcm SC_rgb_expb_2frame.dcm
            SC_rgb_expb_32bit_2frame.dcm color3d_jpeg_baseline.dcm liver.dcm liver_expb.dcm
        """,
        "pydicom/test_files": """
            SC_rgb_rle_16bit_2frame.dcm SC_rgb_rle_2frame.dcm SC_rgb_rle_32bit_2frame.dcm examples_ybr_color.dcm
        """,
    },
    # 32 bits of a sample in use
    FindingCode.NO_DECODER: {
        "store": """
            SC_rgb_32bit.dcm SC_rgb_expb_32bit.dcm
        """,
        "pydicom/test_files": """
            SC_rgb_rle_32bit.dcm rtdose_1frame.dcm rtdose_expb_1frame.dcm rtdose_rle_1frame.dcm
        """,
    },
    # a codestream that says it is 3,722,445,056 pixels wide
    FindingCode.TOO_LARGE: {
        "pydicom/test_files": """
            JPEG2000-embedded-sequence-delimiter.dcm
        """,
    },
    # fewer bytes than the header says
    FindingCode.TRUNCATED: {
        "pydicom/charset_files": """
            chrJapMulti.dcm chrJapMultiExplicitIR6.dcm chrKoreanMulti.dcm
        """,
        "pydicom/test_files": """
            MR_truncated.dcm
        """,
    },
    # no picture: reports, plans, directories, palettes, waveforms, texts, archives
    FindingCode.UNREADABLE_FILE: {
        "pydicom/charset_files": """
            FileInfo.txt chrSQEncoding.dcm chrSQEncoding1.dcm
        """,
        "pydicom": """
            hashes.json urls.json
        """,
        "pydicom/palettes": """
            README.md fall.dcm hotiron.dcm hotmetalblue.dcm pet.dcm pet20step.dcm spring.dcm summer.dcm winter.dcm
        """,
        "pydicom/test_files": """
            ExplVR_BigEndNoMeta.dcm ExplVR_LitEndNoMeta.dcm README.txt UN_sequence.dcm badVR.dcm crayons.icc
            empty_charset_LEI.dcm meta_missing_tsyntax.dcm nested_priv_SQ.dcm no_meta.dcm no_meta_group_length.dcm
            priv_SQ.dcm reportsi.dcm reportsi_with_empty_number_tags.dcm rtplan.dcm rtplan.dump rtplan_truncated.dcm
            rtstruct.dcm rtstruct.dump test-SR.dcm test1.json test_PN.json waveform_ecg.dcm zipMR.gz
        """,
        "pydicom/test_files/dicomdirtests": """
            DICOMDIR DICOMDIR-bigEnd DICOMDIR-empty.dcm DICOMDIR-implicit DICOMDIR-nooffset DICOMDIR-nopatient
            DICOMDIR-reordered README.txt
        """,
        "pydicom/test_files/dicomdirtests/TINY_ALPHA": """
            DICOMDIR README
        """,
        "pydicom/test_files/dicomdirtests/TINY_ALPHA/PT000000/ST000000/SE000000": """
            IM000000 IM000001 IM000002 IM000003 IM000004 IM000005 IM000006 IM000007 IM000008 IM000009 IM00000A
            IM00000B IM00000C IM00000D IM00000E IM00000F IM00000G IM00000H IM00000I IM00000J IM00000K IM00000L
            IM00000M IM00000N IM00000O IM00000P IM00000Q IM00000R IM00000S IM00000T IM00000U IM00000V IM00000W
            IM00000X IM00000Y IM00000Z IM000010 IM000011 IM000012 IM000013 IM000014 IM000015 IM000016 IM000017
            IM000018 IM000019 IM00001A IM00001B IM00001C IM00001D
        """,
    },
    # slices of one volume
    FindingCode.VOLUME: {
        "store": """
            eCT_Supplemental.dcm emri_small.dcm emri_small_RLE.dcm emri_small_big_endian.dcm
            emri_small_jpeg_2k_lossless.dcm emri_small_jpeg_2k_lossless_too_short.dcm
            emri_small_jpeg_ls_lossless.dcm
        """,
        "pydicom/test_files": """
            rtdose.dcm rtdose_expb.dcm rtdose_rle.dcm
        """,
    },
}


def _names(folders: Mapping[str, str]) -> Iterator[str]:
    return (f"{folder}/{name}" for folder, names in folders.items() for name in names.split())


OUTCOMES: Mapping[str, FindingCode | None] = {
    **dict.fromkeys(_names(_CONVERTS)),
    **{name: code for code, folders in _FINDINGS.items() for name in _names(folders)},
}
"""What each file becomes, by its name below one of `ROOTS`: None is a picture."""


def path_of(name: str) -> Path:
    root, _, rest = name.partition("/")
    return ROOTS[root] / rest


def there() -> frozenset[str]:
    """Every file there is."""
    return frozenset(
        f"{name}/{path.relative_to(root).as_posix()}"
        for name, root in ROOTS.items()
        for path in root.rglob("*")
        if path.is_file() and path.suffix not in _NO_DATA
    )
