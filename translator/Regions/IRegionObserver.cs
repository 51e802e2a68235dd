namespace Jitvmm.Translator.Regions;

/// <summary>Whoever records what becomes of compiled code. Both are called with the code cache's gate held.</summary>
public interface IRegionObserver
{
    /// <summary>A region is entered from now on.</summary>
    void Published(Region region);

    /// <summary>A region is not entered again; a vCPU may still be inside.</summary>
    void Retired(Region region);
}
