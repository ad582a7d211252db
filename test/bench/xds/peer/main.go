// The peer of the xDS bench: a server on go-control-plane with the same resources, commanded by lines on its standard input.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type everyone struct{}

func (everyone) ID(*core.Node) string { return "all" }

func makeCluster(name string) *cluster.Cluster {
	ads := &core.ConfigSource{ResourceApiVersion: core.ApiVersion_V3, ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}}}
	return &cluster.Cluster{
		Name: name, ConnectTimeout: durationpb.New(time.Second),
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
		EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: ads},
	}
}

func makeEndpoints(name string, count int, firstWeight uint32, mark string) *endpoint.ClusterLoadAssignment {
	hosts := make([]*endpoint.LbEndpoint, count)
	for i := range hosts {
		weight := uint32(1)
		if i == 0 {
			weight = firstWeight
		}
		hosts[i] = &endpoint.LbEndpoint{
			HealthStatus:        core.HealthStatus_HEALTHY,
			LoadBalancingWeight: wrapperspb.UInt32(weight),
			HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{Address: &core.Address{Address: &core.Address_SocketAddress{
				SocketAddress: &core.SocketAddress{Address: fmt.Sprintf("10.0.%d.%d", i/250, i%250), PortSpecifier: &core.SocketAddress_PortValue{PortValue: 8080}},
			}}}},
		}
	}
	return &endpoint.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpoint.LocalityLbEndpoints{{
		Locality: &core.Locality{Zone: "a", SubZone: mark}, LoadBalancingWeight: wrapperspb.UInt32(1), LbEndpoints: hosts,
	}}}
}

// The first cluster's endpoints after a change, with the mark by which a client knows which change it holds.
func changedEndpoints(count, change int) *endpoint.ClusterLoadAssignment {
	return makeEndpoints("cluster-0", count, uint32(change%100+1), fmt.Sprintf("change-%07d", change))
}

func main() {
	clusters := flag.Int("clusters", 100, "clusters")
	endpoints := flag.Int("endpoints", 10, "endpoints of each cluster")
	kind := flag.String("cache", "snapshot", "snapshot or linear")
	partial := flag.Bool("partial", false, "answer streams that ask for some of the endpoints only")
	flag.Parse()

	var cds, eds []types.Resource
	for i := 0; i < *clusters; i++ {
		name := fmt.Sprintf("cluster-%d", i)
		cds = append(cds, makeCluster(name))
		eds = append(eds, makeEndpoints(name, *endpoints, 1, ""))
	}
	eds[0] = changedEndpoints(*endpoints, 0)
	lds := []types.Resource{&listener.Listener{Name: "listener-0"}}
	rds := []types.Resource{&route.RouteConfiguration{Name: "route-0"}}
	ctx := context.Background()
	var source cache.Cache
	var change func(number int)
	if *kind == "linear" {
		byName := func(list []types.Resource) map[string]types.Resource {
			all := map[string]types.Resource{}
			for _, r := range list {
				all[cache.GetResourceName(r)] = r
			}
			return all
		}
		assignments := cache.NewLinearCache(resource.EndpointType, cache.WithInitialResources(byName(eds)))
		caches := map[string]cache.Cache{
			resource.ClusterType:  cache.NewLinearCache(resource.ClusterType, cache.WithInitialResources(byName(cds))),
			resource.EndpointType: assignments,
			resource.ListenerType: cache.NewLinearCache(resource.ListenerType, cache.WithInitialResources(byName(lds))),
			resource.RouteType:    cache.NewLinearCache(resource.RouteType, cache.WithInitialResources(byName(rds))),
		}
		source = &cache.MuxCache{
			Classify:      func(r *cache.Request) string { return r.TypeUrl },
			ClassifyDelta: func(r *cache.DeltaRequest) string { return r.TypeUrl },
			Caches:        caches,
		}
		change = func(number int) {
			if err := assignments.UpdateResource("cluster-0", changedEndpoints(*endpoints, number)); err != nil {
				log.Fatal(err)
			}
		}
	} else {
		snapshots := cache.NewSnapshotCache(!*partial, everyone{}, nil)
		set := func(version string) {
			snapshot, err := cache.NewSnapshot(version, map[resource.Type][]types.Resource{
				resource.ClusterType: cds, resource.EndpointType: eds, resource.ListenerType: lds, resource.RouteType: rds,
			})
			if err != nil {
				log.Fatal(err)
			}
			if err := snapshots.SetSnapshot(ctx, "all", snapshot); err != nil {
				log.Fatal(err)
			}
		}
		set("0")
		source = snapshots
		change = func(number int) {
			eds[0] = changedEndpoints(*endpoints, number)
			set(strconv.Itoa(number))
		}
	}
	xds := server.NewServer(ctx, source, nil)
	grpcServer := grpc.NewServer(grpc.MaxConcurrentStreams(100000))
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, xds)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		if err := grpcServer.Serve(socket); err != nil {
			log.Fatal(err)
		}
	}()
	fmt.Printf("{\"port\":%d}\n", socket.Addr().(*net.TCPAddr).Port)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if text, found := strings.CutPrefix(lines.Text(), "change "); found {
			number, err := strconv.Atoi(text)
			if err != nil {
				log.Fatal(err)
			}
			change(number)
		}
	}
}
