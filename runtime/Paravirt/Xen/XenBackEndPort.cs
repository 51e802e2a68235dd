namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>Domain 0's end of a port of the guest's.</summary>
internal sealed class XenBackEndPort(XenEventChannels channels, uint port, Action notified) : IXenPort
{
    public Action Notified => notified;

    public void Notify() => channels.NotifyFrom(this, port);

    public void Dispose() => channels.Unbind(this, port);
}
