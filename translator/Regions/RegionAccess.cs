namespace Jitvmm.Translator.Regions;

/// <summary>How the compiled code of a region reaches guest memory.</summary>
public enum RegionAccess
{
    /// <summary>A process guest: inside the window, and the host faults.</summary>
    Direct,

    /// <summary>A process guest that looks at its faults: the permissions of each page are tested.</summary>
    Checked,

    /// <summary>A machine guest: the soft TLB is probed; a miss leaves to tier 0.</summary>
    Paged,
}
