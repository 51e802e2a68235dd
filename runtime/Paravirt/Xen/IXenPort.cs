namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>Domain 0's end of one of the guest's ports. Disposed of, that end is closed, and the guest's is open again.</summary>
public interface IXenPort : IDisposable
{
    /// <summary>Raises the guest's port; nothing when the guest has closed it. Any thread.</summary>
    void Notify();
}
